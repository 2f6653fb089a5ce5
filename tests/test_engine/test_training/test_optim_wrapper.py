"""The optim wrappers: devices, optimizers, what is loaded into them."""

import pytest
import torch
from mmengine.optim import AmpOptimWrapper
from torch.amp import GradScaler
from toy_run import ToySet, run, toy_model

from gps_seg.engine import AmpPeftOptimWrapper, PeftOptimWrapper
from gps_seg.peft import GPS, tune


@pytest.mark.parametrize('device', ['cuda', 'npu', 'mlu', 'musa'])
def test_mixed_precision_is_that_of_mmengine_on_every_device_it_knows(
    monkeypatch, device
):
    built = []
    monkeypatch.setattr(
        f'gps_seg.engine.training.accelerator.is_{device}_available',
        lambda: True,
    )
    monkeypatch.setattr(
        AmpOptimWrapper, '__init__', lambda self, **given: built.append(given)
    )
    AmpPeftOptimWrapper(dtype='float16', optimizer=None)
    assert built == [
        {'loss_scale': 'dynamic', 'dtype': 'float16', 'optimizer': None}
    ]


def test_a_run_of_a_cpu_goes_on_where_losses_are_scaled():
    """A scaler that is enabled refuses an empty state."""
    optimizer = torch.optim.SGD(toy_model().parameters(), lr=0.1)
    wrapper = AmpPeftOptimWrapper(optimizer=optimizer)
    state = wrapper.state_dict()
    wrapper.loss_scaler = GradScaler('cpu', init_scale=8.0)
    wrapper.load_state_dict(state)
    assert wrapper.loss_scaler.get_scale() == 8.0


def test_the_scale_of_a_run_is_taken_up():
    optimizer = torch.optim.SGD(toy_model().parameters(), lr=0.1)
    wrapper = AmpPeftOptimWrapper(optimizer=optimizer)
    wrapper.loss_scaler = GradScaler('cpu', init_scale=4.0)
    wrapper.loss_scaler._lazy_init_scale_growth_tracker('cpu')
    state = wrapper.state_dict()
    wrapper.loss_scaler = GradScaler('cpu', init_scale=8.0)
    wrapper.load_state_dict(state)
    assert wrapper.loss_scaler.get_scale() == 4.0


@pytest.mark.parametrize('kind', [PeftOptimWrapper, AmpPeftOptimWrapper])
def test_a_state_with_other_groups_names_the_config_to_resume_with(kind):
    """As of a run whose config had a rate for each parameter."""
    first, *others = toy_model().parameters()
    apart = torch.optim.SGD([{'params': [first]}, {'params': others}], lr=0.1)
    state = kind(optimizer=apart).state_dict()
    together = torch.optim.SGD(toy_model().parameters(), lr=0.1)
    with pytest.raises(ValueError, match='with 1 group.*, got 2.*began with'):
        kind(optimizer=together).load_state_dict(state)


ADAGRAD = {
    'lr': 0.05,
    'lr_decay': 0.1,
    'eps': 1e-8,
    'initial_accumulator_value': 0.25,
}


def loss_of(model):
    data = ToySet(8)
    return model(data.x.double(), data.y, mode='loss')['loss']


def exact_toy():
    model = toy_model().double()
    model.backbone.drop.p = 0.0
    return model


def test_adagrad_trains_the_selected_as_it_trains_a_whole_weight():
    """A step of Adagrad is elementwise: the rest gets a gradient of zero."""
    model, plain = exact_toy(), exact_toy()
    trainable = tune(model, GPS(k=2), [lambda: loss_of(model)], seed=0)
    wrapper = PeftOptimWrapper(
        optimizer=torch.optim.Adagrad(
            [
                {'params': model.backbone.parameters(), 'lr': 0.02},
                {'params': model.decode_head.parameters()},
            ],
            **ADAGRAD,
        )
    )
    optimizer = wrapper.optimizer
    wrapper.train_only(trainable)
    assert wrapper.optimizer is optimizer
    dense = torch.optim.Adagrad(
        [
            {'params': plain.backbone.parameters(), 'lr': 0.02},
            {'params': plain.decode_head.parameters()},
        ],
        **ADAGRAD,
    )
    names = set(trainable.names.values())
    for _ in range(4):
        with wrapper.optim_context(model):
            loss = loss_of(model)
        wrapper.update_params(loss)
        dense.zero_grad()
        loss_of(plain).backward()
        for name, parameter in plain.named_parameters():
            trains = torch.full_like(parameter, name in names)
            if name in trainable.selected:
                trains.zero_()
                trains.view(-1)[trainable.selected[name].indices] = 1
            parameter.grad *= trains
        dense.step()
    start = exact_toy().state_dict()
    expected = dict(plain.named_parameters())
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(
            parameter, expected[name], rtol=1e-9, atol=1e-12, msg=name
        )
    moved = (model.backbone.fc.weight != start['backbone.fc.weight']).sum()
    assert 0 < moved <= 2 * 8


def test_a_run_with_adagrad(tmp_path):
    runner, before = run(tmp_path, optimizer={'type': 'Adagrad', 'lr': 0.1})
    selection = runner.custom_hook.selection
    after = runner.model.state_dict()
    for name, indices in selection.items():
        moved = (after[name] != before[name]).flatten().nonzero().flatten()
        assert set(moved.tolist()) <= set(indices.tolist())
        assert len(moved)


class FromBirth(torch.optim.SGD):
    """Makes its state when it is built and never later."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        for group in self.param_groups:
            for parameter in group['params']:
                self.state[parameter]['step'] = torch.tensor(0.0)

    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group['params']:
                self.state[parameter]['step'] += 1
        return super().step(closure)


def test_a_state_from_birth_is_born_again():
    """As that of Adagrad, which newer versions of PyTorch make later, too."""
    model = exact_toy()
    trainable = tune(model, GPS(k=2), [lambda: loss_of(model)], seed=0)
    wrapper = PeftOptimWrapper(optimizer=FromBirth(model.parameters(), lr=0.1))
    wrapper.train_only(trainable)
    wrapper.update_params(loss_of(model))
    state = wrapper.optimizer.state
    assert set(state) == set(trainable.parameters())
    assert {float(own['step']) for own in state.values()} == {1.0}


class Inside(torch.optim.SGD):
    """Leaves the work to an optimizer of its own."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.inner = torch.optim.SGD(self.param_groups, lr)

    def step(self, closure=None):
        return self.inner.step(closure)


class Listed(torch.optim.SGD):
    """Remembers its parameters by their number."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        groups = self.param_groups
        self.by_number = [dict(enumerate(g['params'])) for g in groups]


@pytest.mark.parametrize('kind', [Inside, Listed, torch.optim.LBFGS])
def test_an_optimizer_with_a_list_of_its_own_is_refused_before_the_data(
    tmp_path, kind
):
    data = ToySet()
    with pytest.raises(ValueError, match=f'got {kind.__name__}, which also'):
        run(tmp_path, optimizer={'type': kind, 'lr': 0.1}, dataset=data)
    assert data.reads == 0
