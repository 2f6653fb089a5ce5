"""The training loop of a plain torch user, and its usual mistakes."""

import copy

import pytest
import torch

from gps_seg.peft import GPS, Bias, tune

CONNECTIONS = {'backbone.0.weight', 'backbone.2.weight', 'backbone.4.weight'}


def train(task, tuned, optimizer, steps, zero_grad=None):
    for _ in range(steps):
        with tuned.compressing():
            task.loss().backward()
        optimizer.step()
        (zero_grad or optimizer.zero_grad)()


def start(task, **settings):
    return tune(task.model, GPS(k=1, **settings), [task.loss], seed=0)


def test_an_attached_optimizer_writes_after_each_step(task):
    written, attached = task(), task()
    tuned = start(written)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.01)
    for _ in range(5):
        with tuned.compressing():
            written.loss().backward()
        optimizer.step()
        optimizer.zero_grad()
        tuned.write()
    tuned = start(attached)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.01)
    tuned.attach(optimizer)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1)
    train(attached, tuned, optimizer, steps=5)
    scheduler.step()
    expected = written.model.state_dict()
    for name, value in attached.model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_two_optimizers_may_share_the_work(task):
    toy = task()
    tuned = start(toy)
    values = [entries.values for entries in tuned.selected.values()]
    rest = [p for p in tuned.parameters() if all(p is not v for v in values)]
    optimizers = [torch.optim.SGD(values, 0.1), torch.optim.SGD(rest, 0.1)]
    tuned.attach(*optimizers)
    before = copy.deepcopy(toy.model.state_dict())
    for _ in range(2):
        toy.loss().backward()
        for optimizer in reversed(optimizers):  # the values come last
            optimizer.step()
        for optimizer in optimizers:
            optimizer.zero_grad()
    after = toy.model.state_dict()
    assert all(not torch.equal(after[n], before[n]) for n in before)


def test_an_optimizer_over_the_model_is_refused(task):
    toy = task()
    tuned = start(toy)
    optimizer = torch.optim.AdamW(toy.model.parameters(), lr=0.01)
    with pytest.raises(ValueError, match=r'backbone\.0\.weight.*\(3 in all'):
        tuned.attach(optimizer)
    values = [entries.values for entries in tuned.selected.values()]
    with pytest.raises(ValueError, match=r'backbone\.0\.bias'):
        tuned.attach(torch.optim.AdamW(values, lr=0.01))


def test_a_loop_that_never_writes_stops_at_its_second_pass(task):
    toy = task()
    tuned = start(toy)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.01)
    with pytest.raises(RuntimeError, match=r'attach\(optimizer\)'):
        train(toy, tuned, optimizer, steps=2)


def test_zeroing_the_gradients_of_the_model_is_enough(task):
    ours, plain = task(), task()
    for toy in (ours, plain):
        tuned = start(toy)
        optimizer = torch.optim.SGD(tuned.parameters(), lr=0.1)
        tuned.attach(optimizer)
        zero = toy.model.zero_grad if toy is ours else optimizer.zero_grad
        train(toy, tuned, optimizer, 4, zero)
    expected = plain.model.state_dict()
    for name, value in ours.model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_going_back_to_the_best_weights(task):
    toy = task()
    tuned = start(toy)
    optimizer = torch.optim.SGD(tuned.parameters(), lr=0.1)
    tuned.attach(optimizer)
    train(toy, tuned, optimizer, steps=2)
    best = copy.deepcopy(toy.model.state_dict())
    train(toy, tuned, optimizer, steps=2)
    toy.model.load_state_dict(best)
    tuned.write()
    for group in optimizer.param_groups:
        group['lr'] = 0.0
    train(toy, tuned, optimizer, steps=2)
    for name, value in toy.model.state_dict().items():
        assert torch.equal(value, best[name]), name


def test_losses_that_are_no_functions(task):
    toy = task()
    with pytest.raises(TypeError, match=r'got Tensor \(position 0\).*lambda'):
        tune(toy.model, GPS(k=1), [toy.loss()], seed=0)


def test_where_nothing_was_selected_no_dense_gradient_is_formed(task):
    toy = task()
    tuned = tune(
        toy.model, GPS(share=0.001, scope='network'), [toy.loss], seed=0
    )
    empty = {n for n, e in tuned.selected.items() if not len(e.indices)}
    assert empty
    formed = [
        name for name in empty if toy.model.get_parameter(name).requires_grad
    ]
    assert not formed
    toy.loss().backward()
    for name, entries in tuned.selected.items():
        assert (entries.values.grad is None) == (name in empty)


def test_bias_tuning_has_nothing_to_write(task):
    toy = task()
    tuned = tune(toy.model, Bias(), [], seed=0)
    optimizer = torch.optim.SGD(tuned.parameters(), lr=0.1)
    tuned.attach(optimizer)
    before = copy.deepcopy(toy.model.state_dict())
    train(toy, tuned, optimizer, steps=1)
    after = toy.model.state_dict()
    for name in CONNECTIONS:
        assert torch.equal(after[name], before[name])
    assert not torch.equal(after['backbone.0.bias'], before['backbone.0.bias'])


def test_what_the_backbone_freezes_in_train_mode_does_not_move(task):
    toy = task()
    backbone = toy.model['backbone']
    stage = backbone[2]

    def train(mode=True):
        type(backbone).train(backbone, mode)
        stage.requires_grad_(False)

    backbone.train = train
    tuned = start(toy)  # too early: the user has yet to call train()
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.01, weight_decay=1)
    tuned.attach(optimizer)
    frozen = copy.deepcopy(stage.state_dict())
    toy.model.train()
    for _ in range(3):
        toy.loss().backward()  # the general path
        optimizer.step()
        optimizer.zero_grad()
    for _ in range(3):
        with tuned.compressing():
            toy.loss().backward()
        optimizer.step()
        optimizer.zero_grad()
    for name, value in stage.state_dict().items():
        assert torch.equal(value, frozen[name]), name
