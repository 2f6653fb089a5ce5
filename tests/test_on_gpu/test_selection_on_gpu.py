"""A selection on a GPU, by plain autograd there, and as on the CPU."""

import functools

import pytest
import torch
from contract_models import small_model
from on_gpu import DEVICE, PRECISIONS, loss_of

from gps_seg.peft import GPS, tune

pytestmark = pytest.mark.gpu

CPU = torch.device('cpu')
ENCODERS = ('seg_vit', 'swin', 'convnext')


def model_on(encoder, device, dtype):
    return small_model(encoder).to(device, dtype)


def selected(encoder, device, dtype, precision=torch.float32, **settings):
    """The entries that GPS selects from two batches."""
    model = model_on(encoder, device, dtype)
    losses = [
        functools.partial(loss_of, model, seed, device, precision)
        for seed in (1, 2)
    ]
    trainable = tune(model, GPS(**settings), losses, seed=0)
    return {n: e.indices for n, e in trainable.selected.items()}


@pytest.mark.parametrize('precision', PRECISIONS)
@pytest.mark.parametrize('encoder', ENCODERS)
def test_the_largest_gradients_by_autograd_are_selected(encoder, precision):
    found = selected(encoder, DEVICE, torch.float32, precision, k=2)
    model = model_on(encoder, DEVICE, torch.float32).train()
    weights = {n: p for n, p in model.named_parameters() if n in found}
    assert weights
    sums = dict.fromkeys(weights, 0)
    for seed in (1, 2):
        gradients = torch.autograd.grad(
            loss_of(model, seed, DEVICE, precision), list(weights.values())
        )
        for name, gradient in zip(weights, gradients, strict=True):
            sums[name] = sums[name] + gradient
    for name, total in sums.items():
        rows = total.flatten(1).abs()
        own = rows.flatten()[found[name]].view(len(rows), 2)
        best = rows.topk(2, dim=1).values
        alive = best[:, 0] > 0  # the inputs of the others compete by weight
        # Kernels may sum in another order in each run.
        slack = 16 * torch.finfo(precision).eps * float(rows.max())
        own = own.sort(dim=1, descending=True).values[alive]
        torch.testing.assert_close(own, best[alive], rtol=0, atol=slack)


@pytest.mark.parametrize(
    'settings',
    [{'k': 1}, {'k': 3}, {'k': 1, 'score': 'decrement'}],
    ids=str,
)
@pytest.mark.parametrize('encoder', ENCODERS)
def test_in_float64_the_gpu_selects_as_the_cpu(encoder, settings):
    ours = selected(encoder, DEVICE, torch.float64, **settings)
    expected = selected(encoder, CPU, torch.float64, **settings)
    assert ours.keys() == expected.keys()
    for name, indices in expected.items():
        assert torch.equal(ours[name].cpu(), indices), name
