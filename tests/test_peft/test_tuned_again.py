"""One model, tuned more than once."""

import copy
import gc
import pickle
import weakref

import pytest
import torch

from gps_seg.peft import GPS, Full, Linear, Trainable, release, tune
from gps_seg.sparse import Selection


def trains(model):
    return {n for n, p in model.named_parameters() if p.requires_grad}


def indices(tuned):
    return {n: e.indices.tolist() for n, e in tuned.selected.items()}


@pytest.mark.parametrize(
    'first', [GPS(k=1), GPS(k=2, score='random'), Linear(), Full()]
)
def test_the_second_tuning_finds_what_the_first_one_found(task, first):
    fresh, toy = task(), task()
    expected = tune(fresh.model, GPS(k=2), [fresh.loss], seed=0)
    tune(toy.model, first, [toy.loss], seed=0)  # not even kept
    tuned = tune(toy.model, GPS(k=2), [toy.loss], seed=0)
    assert indices(tuned) == indices(expected)
    assert trains(toy.model) == trains(fresh.model)
    toy.loss().backward()
    fresh.loss().backward()
    for name, entries in tuned.selected.items():
        gradient = expected.selected[name].values.grad
        assert torch.equal(entries.values.grad, gradient)


def test_the_first_tuning_can_no_longer_train(task):
    toy = task()
    first = tune(toy.model, GPS(k=1), [toy.loss], seed=0)
    second = tune(toy.model, GPS(k=2), [toy.loss], seed=0)
    for use in (first.write, first.compressing):
        with pytest.raises(RuntimeError, match='tuned again'):
            use()
    before = trains(toy.model)
    first.release()
    assert trains(toy.model) == before
    second.write()


def test_what_the_user_froze_stays_frozen_through_all_of_it(task):
    toy = task()
    toy.model['backbone'][0].requires_grad_(False)
    before = trains(toy.model)
    for method in (Linear(), GPS(k=1), Full()):
        tuned = tune(toy.model, method, [toy.loss], seed=0)
        assert 'backbone.0.weight' not in tuned.names.values()
    tuned.release()
    tuned.release()
    assert trains(toy.model) == before


def test_what_was_frozen_after_a_tuning_stays_frozen_in_the_next(task):
    toy = task()
    tune(toy.model, GPS(k=1), [toy.loss], seed=0)
    toy.model['backbone'][2].requires_grad_(False)
    tuned = tune(toy.model, GPS(k=1), [toy.loss], seed=0)
    assert 'backbone.2.weight' not in tuned.selected
    tuned.release()
    frozen = {'backbone.2.weight', 'backbone.2.bias'}
    names = {name for name, _ in toy.model.named_parameters()}
    assert trains(toy.model) == names - frozen


def test_a_released_model_is_a_plain_model(task):
    toy = task()
    tuned = tune(toy.model, GPS(k=1), [toy.loss], seed=0)
    optimizer = torch.optim.SGD(tuned.parameters(), lr=0.1)
    tuned.attach(optimizer)
    tuned.release()
    toy.loss().backward()
    assert all(p.grad is not None for p in toy.model.parameters())
    before = copy.deepcopy(toy.model['backbone'].state_dict())
    optimizer.step()  # no longer writes
    weight = toy.model['backbone'][0].weight
    assert torch.equal(weight, before['0.weight'])


def test_a_model_that_was_not_tuned_is_released_without_effect(task):
    toy = task()
    toy.loss().backward()
    release(toy.model)
    assert len(trains(toy.model)) == len(list(toy.model.parameters()))
    assert all(p.grad is not None for p in toy.model.parameters())


def test_an_interrupted_pass_leaves_the_model_to_the_next(task):
    toy = task()
    tune(toy.model, GPS(k=1), [toy.loss], seed=0)

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(toy.model, GPS(k=1), [toy.loss, interrupted], seed=0)
    assert len(trains(toy.model)) == len(list(toy.model.parameters()))
    assert tune(toy.model, GPS(k=1), [toy.loss], seed=0).count()


def test_gradients_from_before_are_dropped(task):
    fresh, toy = task(), task()
    toy.loss().backward()  # a look whether all works
    tuned = tune(toy.model, GPS(k=1), [toy.loss], seed=0)
    assert all(p.grad is None for p in toy.model.parameters())
    with tuned.compressing():
        toy.loss().backward()
    fresh.loss().backward()
    for parameter, name in tuned.names.items():
        expected = fresh.model.get_parameter(name).grad
        if name in tuned.selected:
            expected = expected.flatten()[tuned.selected[name].indices]
        torch.testing.assert_close(tuned.form[parameter].grad, expected)


def test_a_copy_of_a_tuned_model_is_a_model_of_its_own(task):
    toy = task()
    tuned = tune(toy.model, GPS(k=1), [toy.loss], seed=0)
    copies = copy.deepcopy(toy.model), pickle.loads(pickle.dumps(toy.model))
    for twin in copies:
        release(twin)
        nothing = Selection({}, {})
        Trainable(twin, Full().roles(twin), nothing).release()
    with tuned.compressing():
        toy.loss().backward()
    tuned.write()
    assert all(e.values.grad is not None for e in tuned.selected.values())


def test_neither_model_nor_tuning_is_kept_alive(task):
    toy = task()
    tuned = tune(toy.model, GPS(k=1), [toy.loss], seed=0)
    optimizer = torch.optim.SGD(tuned.parameters(), lr=0.1)
    tuned.attach(optimizer)
    alive = [weakref.ref(toy.model), weakref.ref(tuned)]
    alive += map(weakref.ref, toy.model.parameters())
    del toy, tuned, optimizer
    gc.collect()
    assert all(one() is None for one in alive)
