# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find the layers of an MLP that are called one after the other."""

from typing import NamedTuple

from torch import nn

from gps_seg.additions.places import Block

#: Activations whose backward pass needs their input, and nothing else.
_KEEP_INPUT = (nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish)


class Mlp(NamedTuple):
    """The layers ``fc2(act(fc1(norm(x))))`` of a block.

    Whether they are called in this way is seen when they are called.

    Args:
        norm: Layer norm before the MLP; None without one.
        fc1: First linear layer.
        act: Activation, one of those that keep their input.
        fc2: Last linear layer.
    """

    norm: nn.LayerNorm | None
    fc1: nn.Module
    act: nn.Module
    fc2: nn.Module


def find_mlp(model: nn.Module, block: Block) -> Mlp | str:
    """The layers of the MLP of a block, or why it has not got them.

    Args:
        model: Model with the block.
        block: The block.
    """
    first, last = block.map('fc1'), block.map('fc2')
    if first is None or last is None:
        return 'no linear layers'
    parent = _parent(_parent(first.weight))
    children = model.get_submodule(parent).children()
    act = next((m for m in children if isinstance(m, _KEEP_INPUT)), None)
    if act is None:
        return 'no activation that keeps its input'
    norm = block.mlp_norm and model.get_submodule(block.mlp_norm)
    return Mlp(
        norm if isinstance(norm, nn.LayerNorm) else None,
        model.get_submodule(_parent(first.weight)),
        act,
        model.get_submodule(_parent(last.weight)),
    )


def _parent(name: str) -> str:
    return name.rpartition('.')[0]
