"""Stopped and resumed in plain torch, against a run that went through."""

import copy

import pytest
import torch

from gps_seg.peft import GPS, GRFT, Trainable, tune

METHODS = {
    'gps': GPS(k=1),
    'grft': GRFT(k=2, unit='row', penalty=0.1, last_blocks=0),
}


def train(toy, tuned, optimizer, steps):
    for _ in range(steps):
        with tuned.compressing():
            loss = toy.loss()
            penalty = tuned.penalty()
            (loss if penalty is None else loss + penalty).backward()
        optimizer.step()
        optimizer.zero_grad()


def begin(toy, method):
    tuned = tune(toy.model, method, [toy.loss], seed=0)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=3e-4)
    tuned.attach(optimizer)
    return tuned, optimizer


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('method', METHODS)
def test_a_resumed_run_ends_as_one_that_went_through(
    task, tmp_path, method, dtype
):
    through = task(dtype)
    train(through, *begin(through, METHODS[method]), steps=6)

    toy = task(dtype)
    tuned, optimizer = begin(toy, METHODS[method])
    train(toy, tuned, optimizer, steps=3)
    state = {
        'model': toy.model.state_dict(),
        'tuned': tuned.state_dict(),
        'optimizer': optimizer.state_dict(),
    }
    torch.save(state, tmp_path / 'state.pth')

    toy = task(dtype)
    with torch.no_grad():
        for parameter in toy.model.parameters():
            parameter.zero_()  # another process begins with anything
    state = torch.load(tmp_path / 'state.pth', weights_only=True)
    toy.model.load_state_dict(state['model'])
    tuned = Trainable.resumed(toy.model, state['tuned'])
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=3e-4)
    optimizer.load_state_dict(state['optimizer'])
    tuned.attach(optimizer)
    train(toy, tuned, optimizer, steps=3)

    expected = through.model.state_dict()
    for name, value in toy.model.state_dict().items():
        assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize('model_first', [True, False])
def test_a_state_goes_back_also_in_half_precision(task, model_first):
    toy = task(torch.bfloat16)
    tuned, optimizer = begin(toy, GPS(k=1))
    train(toy, tuned, optimizer, steps=2)
    kept = copy.deepcopy(
        {'model': toy.model.state_dict(), 'tuned': tuned.state_dict()}
    )
    train(toy, tuned, optimizer, steps=2)
    if model_first:
        toy.model.load_state_dict(kept['model'])
        tuned.load_state_dict(kept['tuned'])
    else:
        tuned.load_state_dict(kept['tuned'])
        toy.model.load_state_dict(kept['model'])
    tuned.compressing()  # what the next pass would begin with
    for name, entries in tuned.selected.items():
        assert torch.equal(entries.values, kept['tuned']['values'][name])
    for name, value in toy.model.state_dict().items():
        assert torch.equal(value, kept['model'][name])


def test_the_state_of_another_selection_is_refused(task):
    toy = task()
    one = tune(toy.model, GPS(k=1), [toy.loss], seed=0)
    state = one.state_dict()
    two = tune(toy.model, GPS(k=2), [toy.loss], seed=0)
    with pytest.raises(ValueError, match=r'Trainable\.resumed'):
        two.load_state_dict(state)


def test_what_is_no_state_is_refused(task):
    toy = task()
    tuned = tune(toy.model, GPS(k=1), [toy.loss], seed=0)
    state = tuned.state_dict()
    values = {name: v[:-1] for name, v in state['values'].items()}
    for wrong, message in (
        (toy.model.state_dict(), r'Trainable\.state_dict\(\)'),
        (state | {'values': values}, 'expected 8 values'),
        (state | {'whole': ['neck.bias']}, r"\['neck\.bias'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            Trainable.resumed(task().model, wrong)


def test_the_state_of_another_pull_is_refused(task):
    toy = task()
    method = GRFT(k=2, unit='row', penalty=0.0, last_blocks=0)
    state = tune(toy.model, method, [toy.loss], seed=0).state_dict()
    pulled = tune(toy.model, METHODS['grft'], [toy.loss], seed=0)
    with pytest.raises(ValueError, match=r'head\.bias.*Trainable\.resumed'):
        pulled.load_state_dict(state)
