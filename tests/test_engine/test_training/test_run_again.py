"""Runs that begin, end or are looked into in unusual ways."""

import copy

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from torch.utils.data import DataLoader
from toy_run import ToyModel, ToySet, other_bits, run, toy_model


class Metric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return {'count': len(results)}


class Predicting(ToyModel):
    def forward(self, x, y, mode='tensor'):
        output = super().forward(x, y, mode)
        return [{'logits': output}] if mode == 'predict' else output


def predicting(seed=0):
    model = Predicting()
    model.load_state_dict(toy_model(seed).state_dict())
    return model


def validation():
    """Options of a run that can be validated."""
    return {
        'val_dataloader': DataLoader(ToySet(8), batch_size=4),
        'val_cfg': {},
        'val_evaluator': [Metric()],
    }


class First(Hook):
    """Does something with the runner before the selection is made."""

    priority = 'VERY_HIGH'

    def __init__(self, what):
        self.what = what

    def before_train(self, runner):
        self.what(runner)


def save(runner):
    runner.save_checkpoint(runner.work_dir, 'start.pth')


def test_the_start_can_be_saved_before_the_selection(tmp_path):
    _, before = run(tmp_path, iters=1, hooks=[First(save)])
    state = torch.load(tmp_path / 'start.pth', weights_only=False)
    assert 'gps_seg' not in state
    for name, tensor in state['state_dict'].items():
        assert not other_bits(tensor, before[name]).any(), name
    with pytest.raises(ValueError, match='or before the selection'):
        run(tmp_path, resume=True, load_from=str(tmp_path / 'start.pth'))


def test_a_run_can_be_validated_before_the_selection(tmp_path):
    hooks = [First(lambda runner: runner.val_loop.run())]
    hooks.append({'type': 'EMAHook'})
    runner, _ = run(
        tmp_path, model=predicting(), iters=1, hooks=hooks, **validation()
    )
    assert runner.custom_hook.selection


def test_the_state_of_a_stopped_run_can_be_validated_and_trained_on(tmp_path):
    def train(folder, **others):
        hooks = [{'type': 'SeededStepsHook'}]
        options = {**validation(), **others}
        return run(folder, model=predicting(), hooks=hooks, **options)[0]

    train(tmp_path, iters=3)
    resumed = train(tmp_path, iters=6, resume=True, train=False)
    assert resumed.val() == {'count': 2}
    resumed.train()
    train(tmp_path / 'straight', iters=3)
    straight = train(tmp_path / 'straight', iters=6, resume=True)
    state = straight.model.state_dict()
    for name, tensor in resumed.model.state_dict().items():
        assert not other_bits(tensor, state[name]).any(), name


class Drawn(Predicting):
    """Initialises its weights by itself, as models of MMSegmentation do."""

    def init_weights(self):
        if not self.is_init:
            for parameter in self.parameters():
                torch.nn.init.normal_(parameter)
        super().init_weights()


@pytest.mark.parametrize('resume', [False, True])
def test_a_validation_before_the_training_changes_nothing_in_it(
    tmp_path, resume
):
    start = tmp_path / 'start.pth'
    torch.save(toy_model(seed=5).state_dict(), start)

    def train(folder, **others):
        options = {'load_from': str(start), 'iters': 3, **validation()}
        hooks = [{'type': 'SeededStepsHook'}]
        return run(folder, model=Drawn(), hooks=hooks, **options | others)[0]

    more = {}
    if resume:
        train(tmp_path)
        more = {'load_from': None, 'resume': True, 'iters': 6}
        train(tmp_path / 'straight')
    runner = train(tmp_path, train=False, **more)
    runner.val()
    runner.train()
    expected = train(tmp_path / 'straight', **more).model.state_dict()
    for name, tensor in runner.model.state_dict().items():
        assert not other_bits(tensor, expected[name]).any(), name


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_pretrained_weights_that_are_no_numbers_are_named(tmp_path, value):
    model = toy_model()
    with torch.no_grad():
        model.backbone.attn.in_proj_weight[3, 5] = value
    data = ToySet()
    message = r'1 of 192 values of backbone\.attn\.in_proj_weight \(1 such'
    with pytest.raises(ValueError, match=message):
        run(tmp_path, model=model, dataset=data, method={'type': 'bias'})
    assert data.reads == 0


class Interrupt(Hook):
    priority = 'LOWEST'

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter == 2:
            raise KeyboardInterrupt


def weights(runner):
    """A copy of the parameters, by name."""
    named = runner.model.named_parameters()
    return {name: parameter.detach().clone() for name, parameter in named}


@pytest.mark.parametrize('method', [{'type': 'gps', 'k': 2}, {'type': 'bias'}])
def test_a_model_trains_again_after_a_run_that_was_interrupted(
    tmp_path, method
):
    model = toy_model()
    start = copy.deepcopy(model.state_dict())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / 'one', model=model, method=method, hooks=[Interrupt()])
    model.load_state_dict(start)
    again, _ = run(tmp_path / 'two', model=model, method=method)
    fresh, _ = run(tmp_path / 'three', method=method)
    expected = weights(fresh)
    for name, tensor in weights(again).items():
        assert not other_bits(tensor, expected[name]).any(), name


def test_a_released_model_is_a_plain_one(tmp_path):
    runner, _ = run(tmp_path)
    assert all(p.requires_grad for p in runner.model.parameters())
    hooks = [p._post_accumulate_grad_hooks for p in runner.model.parameters()]
    assert not any(hooks)


GRFT = {
    'type': 'grft',
    'k': 1,
    'unit': 'row',
    'penalty': 0.1,
    'last_blocks': 0,
}


@pytest.mark.parametrize('method', [{'type': 'gps', 'k': 2}, GRFT])
@pytest.mark.parametrize('interrupted', [False, True])
def test_a_runner_that_trains_on_does_what_one_training_does(
    tmp_path, method, interrupted
):
    """Momentum, pull and selection go on; the steps are seeded."""

    def train(name, iters, hooks=()):
        return run(
            tmp_path / name,
            method=method,
            iters=iters,
            hooks=[{'type': 'SeededStepsHook'}, *hooks],
            optimizer={'type': 'SGD', 'lr': 0.1, 'momentum': 0.9},
            train=False,
        )[0]

    straight = train('straight', 6)
    straight.train()
    if interrupted:
        runner = train('twice', 6, [Interrupt()])
        with pytest.raises(KeyboardInterrupt):
            runner.train()
        runner.train_loop._iter += 1  # the step was taken
        runner._hooks = [
            h for h in runner.hooks if not isinstance(h, Interrupt)
        ]
    else:
        runner = train('twice', 3)
        runner.train()
        runner.train_loop._max_iters = 6
    middle = weights(runner)
    runner.train()
    expected = weights(straight)
    for name, tensor in weights(runner).items():
        assert not other_bits(tensor, expected[name]).any(), name
    name = 'backbone.fc.weight'
    assert other_bits(middle[name], expected[name]).any()
