"""Checkpoints without the base weights, and back."""

import copy

import pytest
import torch
from torch import nn

from gps_seg.engine.training.slim_checkpoint import FrozenBase, fill, slim
from gps_seg.sparse import Selection


class Tied(nn.Module):
    """Two layers of one weight, a norm, and a layer that trains whole."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(4, 4)
        self.two = nn.Linear(4, 4)
        self.two.weight = self.one.weight
        self.norm = nn.BatchNorm1d(4)
        self.head = nn.Linear(4, 2)


TRAINED = ['one.bias', 'head.weight', 'head.bias']
SELECTION = Selection(
    {'one.weight': torch.tensor([0, 5, 6])}, {'one.weight': torch.Size([4, 4])}
)


@pytest.fixture
def base():
    torch.manual_seed(0)
    return Tied()


@pytest.fixture
def tuned(base):
    model = copy.deepcopy(base)
    with torch.no_grad():
        model.one.weight[[0, 1, 1], [0, 1, 2]] = 7.0
        for name in TRAINED:
            model.get_parameter(name).fill_(3.0)
        model.norm.running_mean.fill_(2.0)
    return model


def state_of(model):
    return {name: t.clone() for name, t in model.state_dict().items()}


def test_there_and_back(base, tuned):
    frozen = FrozenBase.of(base, TRAINED, None)
    averaged = {f'module.{n}': t * 1 for n, t in state_of(base).items()}
    averaged['steps'] = torch.tensor(5)
    checkpoint = {'state_dict': state_of(tuned), 'ema_state_dict': averaged}

    slim(checkpoint, frozen, SELECTION)

    assert checkpoint['state_dict']['one.weight'].tolist() == [7.0] * 3
    assert 'two.bias' not in checkpoint['state_dict']
    assert 'module.norm.weight' not in checkpoint['ema_state_dict']
    fill(checkpoint, frozen, SELECTION, base, None)
    for key, expected in (
        ('state_dict', state_of(tuned)),
        (
            'ema_state_dict',
            {f'module.{n}': t for n, t in state_of(base).items()}
            | {'steps': torch.tensor(5)},
        ),
    ):
        assert checkpoint[key].keys() == expected.keys()
        for name, tensor in expected.items():
            assert torch.equal(checkpoint[key][name], tensor), name


def test_loading_it_gives_the_tuned_model(base, tuned):
    frozen = FrozenBase.of(base, TRAINED, None)
    checkpoint = {'state_dict': state_of(tuned)}
    slim(checkpoint, frozen, SELECTION)
    fill(checkpoint, frozen, SELECTION, base, None)
    base.load_state_dict(checkpoint['state_dict'])
    for name, tensor in tuned.state_dict().items():
        assert torch.equal(base.state_dict()[name], tensor), name


@pytest.mark.parametrize('name', ['one.weight', 'norm.bias', 'two.bias'])
def test_one_bit_of_another_base_is_noticed(base, name):
    frozen = FrozenBase.of(base, TRAINED, None)
    with torch.no_grad():
        flat = base.get_parameter(name).view(-1)
        flat[-1] = torch.nextafter(flat[-1], torch.tensor(9.0))
    with pytest.raises(ValueError, match=rf'1 of 4 tensors \({name}'):
        frozen.check(base)


def test_what_was_hashed_already_is_not_hashed_again(base):
    whole = FrozenBase.of(base, TRAINED, None)
    known = {'one.weight': whole.digests['one.weight'], 'two.bias': 'known'}
    frozen = FrozenBase.of(base, TRAINED, None, known)
    assert frozen.digests == {**whole.digests, 'two.bias': 'known'}


def test_few_other_tensors_may_come_from_another_processor(base):
    frozen = FrozenBase.of(base, TRAINED, None)
    with torch.no_grad():
        base.norm.bias += 1
    with pytest.raises(ValueError, match=r'1 of 4 .* kind of processor'):
        frozen.check(base)
    with torch.no_grad():
        base.norm.weight += 1
    with pytest.raises(ValueError, match='2 of 4') as caught:
        frozen.check(base, 'Hint.')
    assert str(caught.value).endswith('Hint.')


def test_what_trains_may_differ(base):
    frozen = FrozenBase.of(base, TRAINED, None)
    with torch.no_grad():
        base.head.weight.fill_(0)
    frozen.check(base)
