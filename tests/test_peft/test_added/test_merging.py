"""Methods that merge: on each encoder the merged model computes the same.

What was added takes part in the forward pass, since each of its tensors has a
gradient, and is in the weights afterwards.
"""

import copy

import pytest
import torch
from small_encoders import SIDE, small_model
from torch import nn

from gps_seg.additions import additions_of, merge, plan_of
from gps_seg.delta import Delta, DeltaInfo, apply, extract, revert
from gps_seg.peft import METHODS, build_method, tune

CASES = {
    'lora': dict(rank=2, on=['all']),
    'ssf': {},
    'ia3': {},
    'diffit': {},
    'fact': dict(rank=3),
    'fact tk': dict(rank=3, form='tk'),
}
ENCODERS = [
    'vit',
    'beit',
    'swin',
    'mmpretrain vit',
    'mmpretrain beit',
    'mmpretrain swin',
    'mmpretrain convnext',
]
OF_ONE_WIDTH = ['vit', 'beit', 'mmpretrain vit', 'mmpretrain beit']
#: Encoders of single methods. SSF also takes other layers: convolutions in
#: place of linear maps, norms over the batch, and biases of attention that are
#: no part of a layer.
TAKES = {
    'fact': OF_ONE_WIDTH,
    'fact tk': OF_ONE_WIDTH,
    'ssf': [
        *ENCODERS,
        'mit',
        'mscan',
        'resnet',
        'mmpretrain swin v2',
        'mmpretrain convnext of convolutions',
    ],
}


def task(encoder):
    """A model in float64 whose values are all random, and images."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = small_model(encoder).double()
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        images = torch.randn(2, 3, SIDE, SIDE).double()

    return model, images


def trained(model, name):
    """Tune the model by a method, and change all that trains at random."""
    config = {'type': name.split()[0], **CASES[name]}
    tuned = tune(model, build_method(config, METHODS), [], seed=0)
    for parameter in tuned.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)


@pytest.mark.parametrize(
    ('name', 'encoder'),
    [
        (name, encoder)
        for name in CASES
        for encoder in TAKES.get(name, ENCODERS)
    ],
)
def test_a_merged_model_computes_the_same(name, encoder):
    model, images = task(encoder)
    classes = {n: type(m) for n, m in model.named_modules()}
    plain = model['backbone'](images)
    trained(model, name)
    added = additions_of(model)
    changed = model['backbone'](images)
    sum(f.sin().sum() for f in changed).backward()
    for where, addition in added.items():
        for parameter in addition.parameters():
            assert parameter.grad.abs().max() > 0, where
    merge(model)
    assert {n: type(m) for n, m in model.named_modules()} == classes
    merged = model['backbone'](images)
    for before, during, after in zip(plain, changed, merged, strict=True):
        assert not torch.allclose(before, during)
        torch.testing.assert_close(after, during)


@pytest.mark.parametrize('name', CASES)
def test_a_delta_is_all_that_a_base_needs(name, tmp_path):
    base, images = task('vit')
    start = {n: t.clone() for n, t in base.state_dict().items()}
    model = copy.deepcopy(base)
    trained(model, name)
    plan = plan_of(model).to_json()
    info = DeltaInfo(added=plan)
    extract(start, model.state_dict(), info).save(tmp_path / 'delta')
    delta = Delta.load(tmp_path / 'delta')

    apply(base, delta)
    assert same(base.state_dict(), model.state_dict())
    for own, theirs in zip(
        base['backbone'](images), model['backbone'](images), strict=True
    ):
        torch.testing.assert_close(own, theirs)
    revert(base)
    assert same(base.state_dict(), start)


def same(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(one[name], other[name]) for name in one
    )


def test_a_head_is_not_changed():
    model = nn.ModuleDict(
        {'backbone': nn.Linear(4, 4), 'head': nn.Linear(4, 2)}
    )
    tune(model, METHODS['ssf'](), [], seed=0)
    assert list(additions_of(model)) == ['backbone.added.scale_outputs']
