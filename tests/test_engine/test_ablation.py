"""Variants and seeds of one config: what is planned, trained and read."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config

from gps_seg.engine import PeftHook, ablation
from gps_seg.engine.ablation import plan, run_trials
from gps_seg.visualization.run_results import METRICS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
TEXT = """
work_dir = 'runs'
randomness = dict(seed=7)
custom_hooks = [dict(type='PeftHook', method=dict(type='gps', k=1))]
variants = {
    'k=1': {},
    'k=2': {'custom_hooks.0.method.k': 2},
    'bias only': {
        'custom_hooks.0.method': dict(_delete_=True, type='bias'),
    },
}
"""


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
        finish(work_dir, config.randomness.seed, score=len(calls))

    monkeypatch.setattr(ablation, 'train_quietly', train)
    return calls


def finish(work_dir, seed, score):
    scalars = work_dir / 'day' / 'vis_data' / 'scalars.json'
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


def test_runs_that_are_over_are_read_and_not_repeated(config, trained):
    finish(Path('runs/k=2-0'), seed=0, score=60)
    lines = []
    results = list(run_trials(plan(config, [0]), lines.append))
    assert trained == ['k=1-0', 'bias_only-0']
    found = {(r.name, r.seed): r.metrics['image_mDice'] for r in results}
    assert found == {('k=1', 0): 1, ('k=2', 0): 60, ('bias only', 0): 2}
    assert lines[0] == '1/3: k=1, seed 0'
    assert lines[1].startswith('3/3: bias only, seed 0, up to 0:00:0')


def test_a_run_without_a_validation_is_repeated(config, trained):
    finish(Path('runs/k=1-0'), seed=0, score=60)
    (scalars,) = Path('runs/k=1-0').glob('*/vis_data/scalars.json')
    scalars.write_text(
        json.dumps({'lr': 0.1, 'loss': 1.0, 'iter': 1, 'step': 1}) + '\n'
    )
    scalars.parent.parent.rename('runs/k=1-0/before')
    list(run_trials(plan(config, [0], only=['k=1']), lambda line: None))
    assert trained == ['k=1-0']


def test_an_unknown_variant_lists_the_variants(config):
    with pytest.raises(ValueError, match=r"'k=1', 'k=2'.*got \['k=3'\]"):
        plan(config, [0], only=['k=1', 'k=3'])


def test_a_config_without_variants(config):
    config.pop('variants')
    with pytest.raises(ValueError, match="expected 'variants'"):
        plan(config, [0])


@pytest.mark.parametrize(
    'name', ['ablation', 'recommended', 'selection_losses', 'search']
)
def test_variants_of_the_studies_have_methods_that_can_be_built(name):
    config = Config.fromfile(CONFIGS / 'kvasir' / f'{name}.py')
    config.work_dir = 'runs'
    trials = plan(config, [0])
    assert len({trial.work_dir for trial in trials}) == len(trials)
    for trial in trials:
        (hook,) = trial.config.custom_hooks
        ablation_hook = {k: v for k, v in hook.items() if k != 'type'}
        assert PeftHook(**ablation_hook).method is not None
