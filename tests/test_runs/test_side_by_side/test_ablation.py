"""Variants and seeds of one config: what is planned, trained and read."""

import hashlib
import json
from pathlib import Path

import pytest
import small_segmentor
from mmengine.config import Config

from gps_seg.runs.side_by_side import ablation
from gps_seg.runs.side_by_side.ablation import plan, run_trials
from gps_seg.runs.side_by_side.variant_check import check_variant
from gps_seg.text.scores import METRICS

CONFIGS = Path(__file__).resolve().parents[3] / 'configs'
TEXT = f"""
{small_segmentor.TEXT}
val_evaluator = dict(type='DiceIoUMetric')
val_cfg = dict()
work_dir = 'runs'
randomness = dict(seed=7)
custom_hooks = [dict(type='PeftHook', method=dict(type='gps', k=1))]
variants = {{
    'k=1': {{}},
    'k=2': {{'custom_hooks.0.method.k': 2}},
    'bias only': {{
        'custom_hooks.0.method': dict(_delete_=True, type='bias'),
    }},
}}
"""
SCORES = {'k=1': 10, 'k=2': 20, 'bias only': 30}


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('config.py').write_text(TEXT)
    return Config.fromfile('config.py')


@pytest.fixture
def trained(monkeypatch):
    """Work directories that were trained, by a trainer that only reports."""
    calls = []

    def train(variant, config):
        work_dir = Path(config.work_dir)
        calls.append(work_dir.name)
        finish(work_dir, config.randomness.seed, SCORES[variant])

    monkeypatch.setattr(ablation, 'train_quietly', train)
    return calls


def finish(work_dir, seed, score):
    # MMEngine names the folders by the time, so that the last is the newest.
    day = f'day-{len(list(work_dir.glob("day-*")))}'
    scalars = work_dir / day / 'vis_data' / 'scalars.json'
    scalars.parent.mkdir(parents=True)
    scores = dict.fromkeys(METRICS, score)
    scalars.write_text(json.dumps({**scores, 'step': 1}) + '\n')
    facts = {
        'trained.json': {
            'method': {'type': 'gps', 'k': 1},
            'selected': 2,
            'whole': 3,
            'all': 10,
        },
        'environment.json': {'seed': seed},
    }
    for name, content in facts.items():
        (work_dir / name).write_text(json.dumps(content))


def test_every_variant_gets_every_seed_and_a_folder_of_its_own(config):
    trials = plan(config, [0, 5])
    assert [(t.variant, t.seed, str(t.work_dir)) for t in trials] == [
        ('k=1', 0, 'runs/k=1-0'),
        ('k=2', 0, 'runs/k=2-0'),
        ('bias only', 0, 'runs/bias_only-0'),
        ('k=1', 5, 'runs/k=1-5'),
        ('k=2', 5, 'runs/k=2-5'),
        ('bias only', 5, 'runs/bias_only-5'),
    ]
    methods = [t.config.custom_hooks[0].method.to_dict() for t in trials[:3]]
    assert methods == [
        {'type': 'gps', 'k': 1},
        {'type': 'gps', 'k': 2},
        {'type': 'bias'},
    ]
    assert trials[3].config.randomness.seed == 5
    assert all('variants' not in t.config for t in trials)


def run(trials):
    return list(run_trials(trials, lambda line: None))


def test_runs_that_are_over_are_read_and_not_repeated(config, trained):
    run(plan(config, [0], only=['k=2']))
    trained.clear()
    lines = []
    results = list(run_trials(plan(config, [0]), lines.append))
    assert trained == ['k=1-0', 'bias_only-0']
    found = {(r.name, r.seed): r.metrics['image_mDice'] for r in results}
    assert found == {('k=1', 0): 10, ('k=2', 0): 20, ('bias only', 0): 30}
    assert lines[0] == '1/3: k=1, seed 0'
    assert lines[1].startswith('3/3: bias only, seed 0, 0:00:0')


def test_a_killed_run_is_trained_again_whatever_it_validated(config, trained):
    (trial,) = plan(config, [0], only=['k=1'])
    finish(trial.work_dir, seed=0, score=60)
    assert not trial.is_over()
    (result,) = run([trial])
    assert trained == ['k=1-0']
    assert result.metrics['image_mDice'] == 10


def test_the_marker_is_the_hash_of_the_config(config, trained):
    (trial,) = plan(config, [5], only=['k=2'])
    run([trial])
    expected = Config.fromfile('config.py').to_dict()
    expected.pop('variants')
    expected.pop('work_dir')
    expected['randomness']['seed'] = 5
    expected['custom_hooks'][0]['method']['k'] = 2
    text = json.dumps(expected, sort_keys=True)
    assert json.loads(Path('runs/k=2-5/finished.json').read_text()) == {
        'config': hashlib.sha256(text.encode()).hexdigest()
    }


def test_a_moved_folder_has_the_same_runs(config, trained):
    run(plan(config, [0]))
    trained.clear()
    Path('runs').rename('elsewhere')
    config.work_dir = 'elsewhere'
    assert len(run(plan(config, [0]))) == 3
    assert trained == []


def test_a_run_of_another_config_stops_before_anything_trains(config, trained):
    run(plan(config, [0], only=['bias only']))
    trained.clear()
    config.lr = 0.2
    message = r"'bias only', seed 0.*\(runs/bias_only-0\).*--work-dir"
    with pytest.raises(ValueError, match=message):
        run(plan(config, [0]))
    assert trained == []


def test_two_variants_of_one_folder_stop_before_anything_trains(
    config, trained
):
    config.variants = {'a b': {'lr': 0.1}, 'a_b': {'lr': 0.2}}
    with pytest.raises(ValueError, match=r"'a_b' and another for runs/a_b-0"):
        run(plan(config, [0]))
    assert trained == []


def test_an_unknown_variant_lists_the_variants(config):
    with pytest.raises(ValueError, match=r"'k=1', 'k=2'.*got \['k=3'\]"):
        plan(config, [0], only=['k=1', 'k=3'])


def test_a_config_without_variants(config):
    config.pop('variants')
    with pytest.raises(ValueError, match="expected 'variants'"):
        plan(config, [0])


IMPOSSIBLE = {
    # A neuron of the patch embedding has 3 * 8 * 8 inputs, the others 16.
    'k: expected 1 to 16 .*, got 99': {'custom_hooks.0.method.k': 99},
    "expected a type among .*'gsp'": {'custom_hooks.0.method.type': 'gsp'},
    r"expected keys among .*got \['batches'\]": {'custom_hooks.0.batches': 5},
    'expected one PeftHook, got 0': {'custom_hooks': []},
    'NoSuchHead': {'model.decode_head.type': 'NoSuchHead'},
    'got no val_evaluator, val_cfg': {'val_evaluator': None, 'val_cfg': None},
    r"got \[{'type': 'IoUMetric'}\]": {'val_evaluator.type': 'IoUMetric'},
    "'prefix': 'a'": {'val_evaluator.prefix': 'a'},
}


@pytest.mark.parametrize('message', IMPOSSIBLE)
def test_an_impossible_last_variant_stops_before_anything_trains(
    config, trained, message
):
    config.variants['last'] = IMPOSSIBLE[message]
    with pytest.raises(ValueError, match=f"variant 'last': .*{message}"):
        run(plan(config, [0]))
    assert trained == []


@pytest.mark.parametrize(
    'evaluator',
    [
        {'type': 'mmseg.DiceIoUMetric', 'foreground': ['polyp']},
        [{'type': 'IoUMetric'}, {'type': 'DiceIoUMetric'}],
        {'type': 'Evaluator', 'metrics': [{'type': 'DiceIoUMetric'}]},
    ],
)
def test_the_scores_may_come_with_others(config, evaluator):
    config.val_evaluator = evaluator
    check_variant('any', config)


def test_a_hook_with_a_priority_is_checked_as_mmengine_builds_it(config):
    config.custom_hooks[0].priority = 'LOW'
    check_variant('any', config)


def test_each_variant_is_checked_once_unless_it_is_over(
    config, trained, monkeypatch
):
    checked = []
    monkeypatch.setattr(
        ablation, 'check_variant', lambda name, config: checked.append(name)
    )
    run(plan(config, [0, 1], only=['k=2']))
    run(plan(config, [0, 1]))
    run(plan(config, [0, 1]))
    assert checked == ['k=2', 'k=1', 'bias only']


@pytest.mark.parametrize('name', ['ablation', 'selection_losses', 'search'])
def test_variants_of_the_studies_pass_the_check(name):
    config = Config.fromfile(CONFIGS / 'studies' / f'{name}.py')
    config.work_dir = 'runs'
    trials = plan(config, [0])
    assert len({trial.work_dir for trial in trials}) == len(trials)
    ablation.check_variants(trials)
