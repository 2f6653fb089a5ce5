"""The pass runs in the precision of the training; its sums are float32."""

import pytest
import torch
from torch.utils.data import DataLoader
from toy_run import ToySet, run, toy_model

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmengine.optim import AmpOptimWrapper, OptimWrapper  # noqa: E402

from gps_seg.engine.selecting.pass_precision import pass_dtype  # noqa: E402
from gps_seg.engine.selecting.scoring_data import scoring_loader  # noqa: E402
from gps_seg.engine.selecting.scoring_pass import ScoringPass  # noqa: E402
from gps_seg.sparse import Evidence  # noqa: E402


def still_model():
    """A model without anything random."""
    model = toy_model()
    model.backbone.drop.p = 0.0
    return model


def sums_of(model, dtype, **settings):
    scoring = ScoringPass(max_batches=3, **settings)
    (sums,) = scoring.run(
        model,
        'backbone',
        {'fc': model.backbone.fc.weight},
        DataLoader(ToySet(), batch_size=4),
        torch.optim.SGD(model.parameters(), lr=0.1),
        0,
        Evidence.GRADIENT,
        dtype=dtype,
    )
    return sums['fc']


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_sums_are_float32_sums_of_the_gradients_in_that_precision(dtype):
    model = still_model()
    found = sums_of(model, dtype)
    expected = torch.zeros(8, 8)
    batches = list(scoring_loader(DataLoader(ToySet(), batch_size=4), 0))
    for batch in batches[:3]:
        with torch.autocast('cpu', dtype, enabled=dtype == torch.bfloat16):
            loss = model(batch['x'], batch['y'], mode='loss')['loss']
        weight = model.backbone.fc.weight
        (gradient,) = torch.autograd.grad(loss, weight)
        assert gradient.dtype == torch.float32
        expected += gradient
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ('wrapper', 'mixed'),
    [('PeftOptimWrapper', False), ('AmpPeftOptimWrapper', True)],
)
def test_the_pass_runs_under_the_autocast_of_the_training(
    tmp_path, wrapper, mixed
):
    model, seen = toy_model(), []
    model.backbone.register_forward_hook(
        lambda *_: seen.append(torch.is_autocast_enabled('cpu'))
    )
    run(
        tmp_path,
        model=model,
        wrapper=wrapper,
        iters=1,
        hook_options={'max_batches': 2},
    )
    assert seen == [mixed] * 3  # two batches of the pass, one of the training


@pytest.mark.parametrize(
    ('cast', 'expected'),
    [
        (torch.bfloat16, torch.bfloat16),
        (torch.float16, torch.float32),
        (None, torch.float32),  # float16 is the default of a GPU
    ],
)
def test_float16_would_lose_small_gradients(cast, expected):
    wrapper = object.__new__(AmpOptimWrapper)  # which asks for a GPU
    wrapper.cast_dtype = cast
    assert pass_dtype(wrapper) is expected


def test_a_plain_training_is_in_float32():
    assert pass_dtype(object.__new__(OptimWrapper)) is torch.float32
