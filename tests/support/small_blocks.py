# Copyright (c) gps_seg contributors. Apache-2.0.
"""One block of each family, with the stream between attention and MLP."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from meta_models import without_storage
from small_encoders import small_model
from torch import Tensor, nn

from gps_seg.additions import Plan, additions_of, shapes_of
from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmpretrain.models import ResNet, VisionTransformer  # noqa: E402

#: Family -> name of a block, its inputs, and the stream before its MLP.
_BLOCKS: dict[str, tuple[str, tuple[Any, ...], Callable[..., Tensor]]] = {
    'vit': (
        'layers.1',
        (torch.Size((2, 17, 16)),),
        lambda block, x: x + block.attn(block.ln1(x), identity=0 * x),
    ),
    'swin': (
        'stages.1.blocks.1',
        (torch.Size((2, 16, 16)), (4, 4)),
        lambda block, x, hw: x + block.attn(block.norm1(x), hw),
    ),
    'mmpretrain vit': (
        'layers.1',
        (torch.Size((2, 17, 16)),),
        lambda block, x: x + block.attn(block.ln1(x)),
    ),
    'mmpretrain convnext': (
        'stages.1.1',
        (torch.Size((2, 16, 4, 4)),),
        lambda block, x: x,
    ),
    'torch': (
        'layers.0',
        (torch.Size((2, 17, 16)),),
        lambda block, x: x + block.self_attn(*[block.norm1(x)] * 3)[0],
    ),
}
FAMILIES = list(_BLOCKS)


def small_block(family: str) -> SimpleNamespace:
    """A model in float64, and one of its blocks with inputs.

    Args:
        family: One of :data:`FAMILIES`.

    Returns:
        ``model``, ``name`` of the block in it, its ``inputs``, and ``before``,
        a function of block and inputs that gives the stream before the MLP.
    """
    name, inputs, before = _BLOCKS[family]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _model(family).double()
        for parameter in model.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
        made = [
            torch.randn(*one).double() if isinstance(one, torch.Size) else one
            for one in inputs
        ]
    return SimpleNamespace(
        model=model, name=f'backbone.{name}', inputs=made, before=before
    )


def randomise(model: nn.Module) -> None:
    """Give all added parameters of a model random values."""
    generator = torch.Generator().manual_seed(1)
    for addition in additions_of(model).values():
        for parameter in addition.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data.copy_(noise)


def numel_at_vit_b(method: Any) -> int:
    """Number of values that a method adds to a ViT-B/16."""
    with without_storage():
        model = nn.ModuleDict({'backbone': VisionTransformer('b')})
    plan: Plan = method.additions(model, None)
    shapes = shapes_of(plan, model.state_dict())
    return sum(shape.numel() for shape in shapes.values())


def resnet() -> nn.Module:
    """A model whose encoder has no blocks with an MLP."""
    return nn.ModuleDict({'backbone': ResNet(18)})


def _model(family: str) -> nn.Module:
    if family != 'torch':
        return small_model(family)
    layer = nn.TransformerEncoderLayer(
        16, 2, 32, norm_first=True, batch_first=True
    )
    backbone = nn.ModuleDict({'layers': nn.ModuleList([layer])})
    return nn.ModuleDict({'backbone': backbone}).eval()
