# Copyright (c) gps_seg contributors. Apache-2.0.
"""Recompute the hidden layer of MLPs in the backward pass.

An MLP computes ``fc2(act(h))`` with ``h = fc1(norm(x))``. The backward pass of
an activation such as GELU needs ``h``, which is four times as large as ``x``
and the largest tensor that a block keeps. But ``x`` is kept for the norm
anyway, and ``h`` can be computed from it again, at the cost of the norm and of
one product. The gradients have the same bits.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gps_seg.additions.places import Block, blocks
from gps_seg.execution.instance_forward import (
    has_own_forward,
    reset_forward,
    set_forward,
)
from gps_seg.execution.recipes import Recipe, keep_instead, note, take_note

#: Activations whose backward pass needs their input, and nothing else.
_KEEP_INPUT = (nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish)


class _Mlp(NamedTuple):
    """Modules that are called one after the other in a block."""

    norm: nn.LayerNorm | None
    fc1: nn.Linear
    act: nn.Module


class RecomputedMlps:
    """The MLPs of an encoder that recompute their hidden layer.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.
    """

    def __init__(self, model: nn.Module, encoder: str) -> None:
        found = {b.name: _find(model, b) for b in blocks(model, encoder)}
        self._mlps = {
            name: mlp
            for name, mlp in found.items()
            if not isinstance(mlp, str)
        }
        self._without = {
            name: mlp for name, mlp in found.items() if isinstance(mlp, str)
        }
        self._changed = list(dict.fromkeys(self._modules()))
        for module in self._changed:
            if not has_own_forward(module):
                set_forward(module, forward)

    @property
    def recomputed(self) -> list[str]:
        """Names of the blocks whose MLP is recomputed."""
        return [name for name in self._mlps if name not in self.left]

    @property
    def left(self) -> dict[str, str]:
        """Name of each other block -> why it is left as it is."""
        hooked = {
            name: 'hooks or additions at its first layer'
            for name, mlp in self._mlps.items()
            if _is_changed(mlp.fc1)
        }
        return {**self._without, **hooked}

    def remove(self) -> None:
        """Let autograd keep the hidden layers again."""
        for module in self._changed:
            reset_forward(module)
        self._changed = []

    def _modules(self) -> Iterator[nn.Module]:
        for mlp in self._mlps.values():
            yield from (module for module in mlp if module is not None)


def recompute_mlps(model: nn.Module, encoder: str) -> RecomputedMlps:
    """Recompute the hidden layer of MLPs in the backward pass.

    Training needs less memory: a block with GELU keeps its hidden layer no
    more, which is 40 % of what tuning of the biases keeps in a ViT. The losses
    and gradients have the same bits. Nothing changes in compiled code, in a
    checkpointed part whose forward pass keeps nothing anyway, or where the
    caller decides what is kept (``saved_tensors_hooks``).

    Args:
        model: Model with the encoder; its additions are attached already.
        encoder: Name of the child to look in, such as ``'backbone'``.

    Returns:
        What says which blocks are left as they are, and undoes it.

    Raises:
        ValueError: If the model has no such child.

    Example:
        >>> from gps_seg.execution import recompute_mlps
        >>> mlp = {'fc1': nn.Linear(8, 32), 'act': nn.GELU()}
        >>> mlp['fc2'] = nn.Linear(32, 8)
        >>> block = {'attn': nn.MultiheadAttention(8, 2)}
        >>> block['mlp'] = nn.ModuleDict(mlp)
        >>> model = nn.ModuleDict(
        ...     {'encoder': nn.ModuleList([nn.ModuleDict(block)])}
        ... )
        >>> handle = recompute_mlps(model, 'encoder')
        >>> handle.recomputed, handle.left
        (['encoder.0'], {})
        >>> handle.remove()
    """
    return RecomputedMlps(model, encoder)


def forward(
    module: nn.Module, inputs: Tensor, *args: Any, **settings: Any
) -> Tensor:
    """Forward of the class, which notes how its output was computed."""
    output: Tensor = type(module).forward(module, inputs, *args, **settings)
    if torch.compiler.is_compiling():
        return output
    recipe = take_note(inputs)
    if not output.requires_grad or args or _is_changed(module):
        return output
    if not isinstance(module, _KEEP_INPUT):
        note(output, Recipe(module, recipe or inputs, settings))
    elif recipe is not None:
        keep_instead(output.grad_fn, inputs, recipe)
    return output


def _find(model: nn.Module, block: Block) -> _Mlp | str:
    """The modules of the MLP of a block, or why it is left as it is."""
    place = block.map('fc1')
    if place is None:
        return 'no linear first layer'
    name = place.weight.rpartition('.')[0]
    fc1 = model.get_submodule(name)
    siblings = list(model.get_submodule(name.rpartition('.')[0]).children())
    act = next((m for m in siblings if isinstance(m, _KEEP_INPUT)), None)
    if act is None:
        return 'no activation that keeps its input'
    assert isinstance(fc1, nn.Linear)
    norm = block.mlp_norm and model.get_submodule(block.mlp_norm)
    if not isinstance(norm, nn.LayerNorm) or _has_another_forward(norm):
        norm = None
    if _has_another_forward(fc1) or _has_another_forward(act):
        return 'another forward of its layers'
    return _Mlp(norm, fc1, act)


def _has_another_forward(module: nn.Module) -> bool:
    """Whether other code has replaced the forward of this module."""
    own = getattr(module.forward, '__func__', None) is forward
    return has_own_forward(module) and not own


def _is_changed(module: nn.Module) -> bool:
    """Whether a module computes more than the forward of its class.

    Additions do so by hooks of the module whose weight they change.
    """
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or next(module.children(), None) is not None
    )
