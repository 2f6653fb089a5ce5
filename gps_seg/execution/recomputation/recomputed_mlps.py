# Copyright (c) gps_seg contributors. Apache-2.0.
"""Recompute the hidden layer of MLPs in the backward pass.

An MLP computes ``fc2(act(h))`` with ``h = fc1(norm(x))``. The backward pass of
an activation such as GELU needs ``h``, which is four times as large as ``x``
and the largest tensor that a block keeps. But ``x`` is kept for the norm
anyway, and ``h`` can be computed from it again, at the cost of the norm and of
one product. Layers whose whole weight trains need ``norm(x)`` and ``act(h)``,
too, which then cost little more. The gradients have the same bits.
"""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from gps_seg.additions.places import blocks
from gps_seg.execution.instance_forward import (
    has_own_forward,
    reset_forward,
    set_forward,
)
from gps_seg.execution.recomputation.kept import (
    is_transformed,
    keep_instead,
)
from gps_seg.execution.recomputation.mlps import Mlp, find_mlp
from gps_seg.execution.recomputation.recipes import Recipe, note, take_note


class RecomputedMlps:
    """The MLPs of an encoder that recompute their hidden layer.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.

    Example:
        >>> block = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True)
        >>> model = nn.ModuleDict({'encoder': nn.Sequential(block)})
        >>> RecomputedMlps(model, 'encoder').left
        {'encoder.0': 'no activation that keeps its input'}
    """

    def __init__(self, model: nn.Module, encoder: str) -> None:
        self._mlps = {
            block.name: find_mlp(model, block)
            for block in blocks(model, encoder)
        }
        self._changed = dict(self._forwards())
        for module, forward in self._changed.items():
            if not has_own_forward(module):
                set_forward(module, forward)

    @property
    def recomputed(self) -> list[str]:
        """Names of the blocks whose MLP is recomputed."""
        return [name for name in self._mlps if name not in self.left]

    @property
    def left(self) -> dict[str, str]:
        """Name of each other block -> why it is left as it is.

        Hooks and additions may come and go.
        """
        why = {name: _why_left(mlp) for name, mlp in self._mlps.items()}
        return {name: reason for name, reason in why.items() if reason}

    def remove(self) -> None:
        """Let autograd keep the hidden layers again."""
        for module in self._changed:
            reset_forward(module)
        self._changed = {}

    def _forwards(self) -> Iterator[tuple[nn.Module, Callable[..., Any]]]:
        for mlp in self._mlps.values():
            if isinstance(mlp, str):
                continue
            for module, forward in zip(mlp, _FORWARDS, strict=True):
                if module is not None and not _has_another_forward(module):
                    yield module, forward


def recompute_mlps(model: nn.Module, encoder: str) -> RecomputedMlps:
    """Recompute the hidden layer of MLPs in the backward pass.

    Training needs less memory: a ViT whose biases train keeps 40 % less, one
    that trains whole keeps 55 % less. The losses and gradients have the same
    bits. Nothing changes in compiled code, in the forward pass of an
    activation checkpoint, which keeps nothing anyway, or where the caller
    decides what is kept (``saved_tensors_hooks``).

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


def _forward(starts: bool, goes_on: bool) -> Callable[..., Tensor]:
    """Forward of the class, with recipes in place of inputs that are kept.

    Args:
        starts: Whether the output can be computed from any input.
        goes_on: Whether it can be computed from the recipe of the input.
    """

    def forward(
        module: nn.Module, inputs: Tensor, *args: Any, **settings: Any
    ) -> Tensor:
        output: Tensor = type(module).forward(
            module, inputs, *args, **settings
        )
        if is_transformed():
            return output
        recipe = take_note(inputs)
        if not output.requires_grad or args or _is_changed(module):
            return output
        if recipe is not None:
            keep_instead(output, (inputs, recipe))
        if starts or (goes_on and recipe is not None):
            note(output, Recipe(module, recipe or inputs, settings))
        return output

    return forward


#: Forward of the norm, fc1, the activation and fc2.
_FORWARDS = (
    _forward(starts=True, goes_on=True),
    _forward(starts=True, goes_on=True),
    _forward(starts=False, goes_on=True),
    _forward(starts=False, goes_on=False),
)


def _why_left(mlp: Mlp | str) -> str:
    """Why an MLP is left as it is; empty if it is not."""
    if isinstance(mlp, str):
        return mlp
    needed = mlp.fc1, mlp.act
    if any(map(_has_another_forward, needed)):
        return 'another forward of its layers'
    if any(map(_is_changed, needed)):
        return 'hooks or additions at its layers'
    return ''


def _has_another_forward(module: nn.Module) -> bool:
    """Whether other code has replaced the forward of this module."""
    function = getattr(module.forward, '__func__', None)
    return has_own_forward(module) and function not in _FORWARDS


def _is_changed(module: nn.Module) -> bool:
    """Whether a module computes more than the forward of its class.

    Additions do so by hooks of the module whose weight they change.
    """
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or next(module.children(), None) is not None
    )
