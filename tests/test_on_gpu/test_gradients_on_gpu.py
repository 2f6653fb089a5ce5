"""Gradients of selected entries on a GPU against the dense ones there."""

import pytest
import torch
from on_gpu import DEVICE, PRECISIONS
from rounding import rounding_error
from torch import nn
from torch.nn import functional as F

from gps_seg.sparse import ColumnGradients
from gps_seg.sparse.training.selected_entries import SelectedEntries

pytestmark = pytest.mark.gpu

WIDTH, TOKENS = 64, 40


class Attention(nn.Module):
    """Attention with packed projections, of its input or of another one."""

    def __init__(self, crossed=False):
        super().__init__()
        self.attn = nn.MultiheadAttention(WIDTH, 4, batch_first=True)
        self.crossed = crossed

    def forward(self, x):
        key = x[:, ::2].sin() if self.crossed else x
        return self.attn(x, key, key, need_weights=False)[0]


class FusedProjection(nn.Module):
    """Queries, keys and values by one linear map, as in timm."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)

    def forward(self, x):
        heads = self.qkv(x).unflatten(-1, (3, 4, -1)).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(*heads)


class Grid(nn.Sequential):
    """Layers that see the tokens as an image."""

    def forward(self, x):
        return super().forward(x.transpose(1, 2).unflatten(2, (5, 8)))


KINDS = {
    'linear': lambda: nn.Sequential(
        nn.Linear(WIDTH, 32), nn.GELU(), nn.Linear(32, 16, bias=False)
    ),
    'attention': Attention,
    'cross attention': lambda: Attention(crossed=True),
    'fused qkv': FusedProjection,
    'convolution': lambda: Grid(nn.Conv2d(WIDTH, 16, 3), nn.Conv2d(16, 8, 1)),
    'groups': lambda: Grid(nn.Conv2d(WIDTH, WIDTH, 3, groups=WIDTH)),
    'transposed': lambda: Grid(nn.ConvTranspose2d(WIDTH, 8, 2, stride=2)),
}


def loss_on(model, x, precision):
    """A scalar with a gradient that differs from place to place."""
    mixed = precision is not torch.float32
    with torch.autocast(DEVICE.type, torch.bfloat16, enabled=mixed):
        output = model(x)
    ramp = torch.linspace(-1, 2, output.numel(), device=DEVICE)
    return (output.float().flatten().sin() * ramp).sum()


def slack_of(scale, precision, convolves):
    """Largest difference of two sums in the same precision."""
    if precision is torch.float32 and not convolves:
        return rounding_error(scale, precision, 2 * TOKENS, 2)
    # Sums are rounded once; a GPU's convolutions may use TF32, of 10 bits.
    return 4 * max(torch.finfo(precision).eps, 2**-10) * scale


@pytest.mark.parametrize('step', [WIDTH, 9], ids=['columns', 'scattered'])
@pytest.mark.parametrize('precision', PRECISIONS)
@pytest.mark.parametrize('kind', KINDS)
def test_they_are_the_dense_ones_at_the_selected_places(kind, precision, step):
    model = KINDS[kind]().to(DEVICE)
    x = torch.randn(2, TOKENS, WIDTH).to(DEVICE)
    weights = [p for p in model.parameters() if p.ndim > 1]
    dense = torch.autograd.grad(loss_on(model, x, precision), weights)
    entries = [
        SelectedEntries(weight, torch.arange(3, weight.numel(), step))
        for weight in weights
    ]
    with ColumnGradients(entries).active():
        loss_on(model, x, precision).backward()
    convolves = any(weight.ndim > 2 for weight in weights)
    for owner, gradient in zip(entries, dense, strict=True):
        slack = slack_of(float(gradient.abs().max()), precision, convolves)
        assert owner.weight.grad is None
        assert owner.values.grad.dtype == torch.float32
        torch.testing.assert_close(
            owner.values.grad,
            gradient.flatten()[owner.indices],
            rtol=0,
            atol=slack,
        )
