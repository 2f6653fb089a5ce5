"""Deltas during training, and runs that are stopped and go on."""

import json
import math
import signal
import subprocess
import sys
from typing import ClassVar

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import EMAHook, Hook
from mmengine.registry import METRICS
from torch.utils.data import DataLoader
from toy_run import ToySet, run, toy_model

from gps_seg.delta import Delta, apply
from gps_seg.engine import DeltaHook, SeededStepsHook
from gps_seg.models import read_checkpoint

MOMENTUM = {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9}
ADAMW = {'type': 'AdamW', 'lr': 0.01, 'weight_decay': 0.1}
OPTIONS = {
    'momentum': {'optimizer': MOMENTUM},
    'adamw': {'optimizer': ADAMW},
    # Seven iterations, so that a step is always half accumulated.
    'accumulation': {
        'optimizer': ADAMW,
        'wrapper_options': {
            'accumulative_counts': 2,
            'clip_grad': {'max_norm': 0.1},
        },
    },
    'bf16': {'optimizer': ADAMW, 'wrapper': 'AmpPeftOptimWrapper'},
    'bias': {'optimizer': ADAMW, 'method': {'type': 'bias'}},
    'full': {'optimizer': ADAMW, 'method': {'type': 'full'}},
}


class CrashError(Exception):
    """Ends a run as a crash would."""


class StopAt(Hook):
    priority = 'LOWEST'

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == self.iteration:
            raise CrashError


@METRICS.register_module(force=True)
class Scores(BaseMetric):
    """The scores that a test wants to see, one per validation."""

    queue: ClassVar[list[float]] = []

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return {'score': self.queue.pop(0)}


def hooks(ema=False):
    return [SeededStepsHook(), *([EMAHook(momentum=0.3)] if ema else [])]


def train(work_dir, iters=7, *, ema=False, extra=(), interval=3, **options):
    return run(
        work_dir,
        iters=iters,
        hooks=[*hooks(ema), *extra],
        checkpoint={'type': 'DeltaHook', 'interval': interval},
        **options,
    )


def validated(queue, **options):
    Scores.queue = list(queue)
    return {
        'val_dataloader': DataLoader(ToySet(4), batch_size=4),
        'val_cfg': {},
        'val_evaluator': {'type': 'Scores'},
        'train_cfg': {'val_interval': 2},
        'iters': 8,
        **options,
    }


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.mark.parametrize('name', OPTIONS)
def test_the_last_delta_is_the_trained_model(tmp_path, name):
    runner, before = train(tmp_path, **OPTIONS[name])

    model = toy_model()
    model.load_state_dict(before)
    with torch.no_grad():  # what is outside the encoder has no base
        for parameter in model.decode_head.parameters():
            parameter.normal_()
    apply(model, Delta.load(tmp_path / 'delta.safetensors'))

    assert_same(model.state_dict(), runner.model.state_dict())


def test_with_ema_there_is_a_delta_of_the_average(tmp_path):
    runner, before = train(tmp_path, ema=True)
    ema = next(h for h in runner.hooks if isinstance(h, EMAHook)).ema_model

    model = toy_model()
    model.load_state_dict(before)
    apply(model, Delta.load(tmp_path / 'ema_delta.safetensors'))

    for name, parameter in ema.module.named_parameters():
        assert torch.equal(model.state_dict()[name], parameter), name
    assert not torch.equal(
        model.decode_head.bias, runner.model.decode_head.bias
    )


@pytest.mark.parametrize('ema', [False, True], ids=['plain', 'ema'])
@pytest.mark.parametrize('name', OPTIONS)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path, name, ema):
    options = {'ema': ema, **OPTIONS[name]}
    whole, _ = train(tmp_path / 'whole', **options)
    with pytest.raises(CrashError):
        train(tmp_path / 'cut', extra=[StopAt(5)], **options)

    resumed, _ = train(tmp_path / 'cut', resume=True, **options)

    assert resumed.iter == 7
    assert_same(whole.model.state_dict(), resumed.model.state_dict())
    if ema:
        averages = [
            next(h for h in r.hooks if isinstance(h, EMAHook)).ema_model
            for r in (whole, resumed)
        ]
        assert_same(*(average.state_dict() for average in averages))
    for name in ('delta', 'ema_delta')[: 1 + ema]:
        deltas = [
            Delta.load(tmp_path / folder / f'{name}.safetensors')
            for folder in ('whole', 'cut')
        ]
        assert deltas[0].changes.keys() == deltas[1].changes.keys()
        for key, change in deltas[0].changes.items():
            other = deltas[1].changes[key]
            assert change.base == other.base
            assert torch.equal(change.values.numbers, other.values.numbers)


def test_workers_do_not_matter(tmp_path):
    states = [
        train(tmp_path / f'{n}', num_workers=n)[0].model.state_dict()
        for n in (0, 2)
    ]
    assert_same(*states)


def test_a_step_does_not_depend_on_what_drew_before(tmp_path):
    class Draws(Hook):
        def before_train_epoch(self, runner):
            torch.rand(17)

    plain, _ = train(tmp_path / 'plain')
    drawn, _ = train(tmp_path / 'drawn', extra=[Draws()])
    assert_same(plain.model.state_dict(), drawn.model.state_dict())


def test_augmentation_is_random_all_the_same(tmp_path):
    runner, _ = train(tmp_path, iters=1)
    samples = runner.train_dataloader.dataset
    state = torch.get_rng_state()
    drawn = [samples[0, number, 5]['x'] for number in range(3)]
    drawn.append(samples[1, 0, 5]['x'])
    for i, one in enumerate(drawn):
        assert torch.equal(
            one, samples[(0, i, 5) if i < 3 else (1, 0, 5)]['x']
        )
        for other in drawn[:i]:
            assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_state_of_a_run_has_no_frozen_weight(tmp_path):
    runner, _ = train(tmp_path, ema=True)
    state = read_checkpoint(tmp_path / 'resume.pth')
    selection = runner.custom_hook.selection
    for key, prefix in (('state_dict', ''), ('ema_state_dict', 'module.')):
        kept = state[key]
        for name in ('token', 'norm.weight', 'norm.bias'):
            assert f'{prefix}backbone.{name}' not in kept
        for name, indices in selection.items():
            assert kept[prefix + name].shape == indices.shape
        assert kept[f'{prefix}backbone.batch.running_mean'].shape == (5,)


def test_the_best_delta_is_that_of_the_best_score(tmp_path):
    states = {}

    class Keep(Hook):
        def after_train_iter(self, runner, *args, **kwargs):
            model = runner.model.state_dict()
            states[runner.iter + 1] = {n: t.clone() for n, t in model.items()}

    _, before = run(
        tmp_path,
        hooks=[*hooks(), Keep()],
        checkpoint={'type': 'DeltaHook', 'interval': 3, 'save_best': 'score'},
        **validated([math.nan, 0.7, 0.3, 0.7]),
    )
    best = Delta.load(tmp_path / 'best_delta.safetensors')
    model = toy_model()
    model.load_state_dict(before)
    apply(model, best)
    assert_same(model.state_dict(), states[4])
    assert best.info.metric == {'score': 0.7}
    last = Delta.load(tmp_path / 'delta.safetensors')
    assert last.info.metric == {'score': 0.7}
    assert last.info.method == {'type': 'gps', 'k': 2}


def test_less_can_be_better(tmp_path):
    run(
        tmp_path,
        hooks=hooks(),
        checkpoint={
            'type': 'DeltaHook',
            'interval': 9,
            'save_best': 'score',
            'rule': 'less',
        },
        **validated([0.4, 0.2, 0.3, 0.9]),
    )
    best = Delta.load(tmp_path / 'best_delta.safetensors')
    assert best.info.metric == {'score': 0.2}


def test_the_best_is_that_of_the_average_if_there_is_one(tmp_path):
    averages = []

    class Keep(Hook):
        priority = 'LOWEST'

        def after_train_iter(self, runner, *args, **kwargs):
            ema = next(h for h in runner.hooks if isinstance(h, EMAHook))
            weight = ema.ema_model.module.decode_head.weight
            averages.append(weight.detach().clone())

    run(
        tmp_path,
        hooks=[*hooks(ema=True), Keep()],
        checkpoint={'type': 'DeltaHook', 'interval': 3, 'save_best': 'score'},
        **validated([0.1, 0.2, 0.3, 0.4]),
    )
    best = Delta.load(tmp_path / 'best_delta.safetensors')
    kept = best.changes['decode_head.weight'].values.numbers.view(2, 8)
    assert torch.equal(kept, averages[-1])


def test_a_validation_that_was_cut_off_is_done_on_resuming(tmp_path):
    class StopInValidation(Hook):
        priority = 'HIGHEST'

        def after_val_epoch(self, runner, metrics=None):
            raise CrashError

    options = {
        'checkpoint': {
            'type': 'DeltaHook',
            'interval': 2,
            'save_best': 'score',
        },
        **validated([0.5, 0.6, 0.7, 0.8]),
    }
    options['iters'] = 2
    with pytest.raises(CrashError):
        run(tmp_path, hooks=[*hooks(), StopInValidation()], **options)
    assert not (tmp_path / 'best_delta.safetensors').exists()
    run(tmp_path, hooks=hooks(), resume=True, **options)
    best = Delta.load(tmp_path / 'best_delta.safetensors')
    assert best.info.metric == {'score': 0.6}
    # Once more: all is done, and nothing is validated twice.
    run(tmp_path, hooks=hooks(), resume=True, **options)
    assert Scores.queue == [0.7, 0.8]


def test_a_validation_before_the_training_writes_nothing(tmp_path):
    class ValidateFirst(Hook):
        def before_train(self, runner):
            runner.val_loop.run()

    options = validated([0.9, 0.1, 0.2, 0.3, 0.4])
    checkpoint = {'type': 'DeltaHook', 'interval': 9, 'save_best': 'score'}
    extra = [*hooks(), ValidateFirst()]
    run(tmp_path, hooks=extra, checkpoint=checkpoint, **options)
    best = Delta.load(tmp_path / 'best_delta.safetensors')
    assert best.info.metric == {'score': 0.4}


def test_a_checkpoint_before_the_training_is_whole(tmp_path):
    class SaveFirst(Hook):
        def before_train(self, runner):
            runner.save_checkpoint(str(tmp_path), 'first.pth')

    _, before = train(tmp_path, extra=[SaveFirst()], iters=3)
    assert_same(read_checkpoint(tmp_path / 'first.pth')['state_dict'], before)


@pytest.mark.parametrize('what', ['val', 'test'])
def test_the_state_of_a_run_is_not_validated(tmp_path, what):
    train(tmp_path, iters=3)
    options = validated([0.1], iters=3)
    parts = ('dataloader', 'cfg', 'evaluator')
    options |= {f'test_{part}': options[f'val_{part}'] for part in parts}
    runner, _ = train(tmp_path, train=False, resume=True, **options)
    with pytest.raises(ValueError, match=r'resume: .*/delta\.safetensors, or'):
        getattr(runner, what)()


def test_within_epochs_nothing_is_saved(tmp_path):
    """A resumed run would train the half of the epoch again."""
    runner, _ = train(tmp_path, train=False)
    runner._train_loop = {'by_epoch': True, 'max_epochs': 2}
    with pytest.raises(
        ValueError, match=r'checkpoint.by_epoch: expected True'
    ):
        runner.train()


def test_files_of_an_earlier_run_stay(tmp_path, capsys):
    train(tmp_path, iters=3, ema=True)
    names = ['resume.pth', 'delta.safetensors', 'ema_delta.safetensors']
    before = {name: (tmp_path / name).read_bytes() for name in names}

    train(tmp_path, iters=6)

    (folder,) = tmp_path.glob('before_*')
    assert {n: (folder / n).read_bytes() for n in names} == before
    assert not (tmp_path / 'ema_delta.safetensors').exists()
    assert f'moved to {folder}' in capsys.readouterr().out
    train(tmp_path, iters=7, resume=True)
    assert len(list(tmp_path.glob('before_*'))) == 1


def test_another_base_is_refused(tmp_path):
    train(tmp_path, iters=3)
    with pytest.raises(ValueError, match=r'resume: expected the base weights'):
        train(tmp_path, resume=True, model=toy_model(seed=9))


@pytest.fixture
def cut(tmp_path):
    """Folder of a run that began with ``start.pth`` and was stopped."""
    start = str(tmp_path / 'start.pth')
    torch.save(toy_model(seed=5).state_dict(), start)
    train(tmp_path / 'cut', iters=3, load_from=start)
    return tmp_path / 'cut'


def test_a_base_from_load_from_is_found_again(tmp_path, cut):
    start = str(tmp_path / 'start.pth')
    whole, _ = train(tmp_path / 'whole', load_from=start)
    resumed, _ = train(cut, resume=True, cfg={'load_from': start})
    assert_same(whole.model.state_dict(), resumed.model.state_dict())


def test_the_state_of_a_run_names_no_file_to_read(tmp_path, cut):
    """The file is there, but only the user's config may name it."""
    with pytest.raises(ValueError, match=r'start.pth.* has load_from=None'):
        train(cut, resume=True)


def test_a_checkpoint_of_another_hook_is_refused(tmp_path):
    run(tmp_path, hooks=hooks(), iters=3)
    with pytest.raises(ValueError, match='got one of CheckpointHook'):
        train(tmp_path, resume=True)


def test_without_a_peft_hook(tmp_path):
    runner, _ = train(tmp_path, train=False)
    runner._hooks = [h for h in runner.hooks if h is not runner.custom_hook]
    with pytest.raises(ValueError, match='expected one PeftHook, got 0'):
        runner.train()


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'interval': 0}, 'interval: expected 1 or more, got 0'),
        ({'interval': 1, 'rule': 'best'}, "rule: expected one of .* 'best'"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        DeltaHook(**settings)


def test_an_unknown_metric_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"\['score'\], got 'dice'"):
        run(
            tmp_path,
            hooks=hooks(),
            checkpoint={
                'type': 'DeltaHook',
                'interval': 3,
                'save_best': 'dice',
            },
            **validated([0.1]),
        )


@pytest.fixture(scope='module')
def killed(tmp_path_factory, repo_dir):
    """Folder with the work directories of runs that were killed."""
    folder = tmp_path_factory.mktemp('killed')
    worker = repo_dir / 'tests/support/killed_worker.py'
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', str(worker), str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize('moment', ['iteration', 'state', 'delta'])
def test_killed_at_any_moment(tmp_path, killed, moment):
    """SIGKILL in an iteration, or with the new file written but for its end"""
    exits = json.loads((killed / 'exits.json').read_text())
    assert exits[moment] == -signal.SIGKILL
    resumed, _ = train(killed / moment, resume=True)
    whole, _ = train(tmp_path / 'whole')
    assert_same(whole.model.state_dict(), resumed.model.state_dict())
    left = {file.name for file in (killed / moment).glob('.*partial*')}
    assert not left or moment == 'delta', left
