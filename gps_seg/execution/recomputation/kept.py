# Copyright (c) gps_seg contributors. Apache-2.0.
"""Let autograd keep a recipe in place of the input of an operation."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gps_seg.execution.recomputation.recipes import Recipe

#: Names by which operations keep their inputs: activations and products,
#: linear maps with a bias, linear maps on some devices, kernels of attention.
_NAMES = (
    *('_raw_saved_self', '_raw_saved_mat1', '_raw_saved_input'),
    *('_raw_saved_query', '_raw_saved_key', '_raw_saved_value'),
)

#: Operations that keep nothing, behind which the one that counts is: linear
#: maps flatten their inputs and return a view.
_VIEWS = ('ViewBackward0', 'UnsafeViewBackward0')


def keep_instead(output: Tensor, *recipes: tuple[Tensor, Recipe]) -> None:
    """Let the operation that made a tensor keep recipes, not its inputs.

    Nothing happens if the operation does not keep exactly these inputs, or if
    other hooks decide what is kept: those of activation checkpointing, or of
    ``torch.autograd.graph.saved_tensors_hooks``.

    Args:
        output: Result of the operation.
        *recipes: Inputs of the operation, the first ones, each with its
            recipe.
    """
    replaced = {_identity(inputs): recipe for inputs, recipe in recipes}
    pack = partial(_pack, replaced)
    for saved in _saved_by(output, len(recipes)):
        # It is an error if nothing is saved, or there are hooks already.
        with suppress(RuntimeError):
            saved.register_hooks(pack, _unpack)


def keep_channels(output: Tensor, channels: int) -> None:
    """Let the kernel of attention keep the first channels of its outputs.

    Args:
        output: Result of the kernel, whose other channels are zeros.
        channels: Number of channels to keep.
    """
    with suppress(AttributeError, RuntimeError):  # as in keep_instead
        output.grad_fn._raw_saved_output.register_hooks(
            partial(_Channels.of, channels), _Channels.whole
        )


def is_transformed() -> bool:
    """Whether the graph is not made by the operations as they run."""
    compiled: bool = torch.compiler.is_compiling()
    return compiled or torch._C._are_functorch_transforms_active()


class _Recomputed(NamedTuple):
    recipe: Recipe
    shape: tuple[int, ...]


class _Kept(NamedTuple):
    tensor: Tensor
    version: int


class _Channels(NamedTuple):
    tensor: Tensor
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, channels: int, saved: Tensor) -> '_Channels':
        first = saved[..., :channels].clone()
        return cls(first, tuple(saved.shape), saved.stride())

    def whole(self) -> Tensor:
        whole = self.tensor.new_empty_strided(self.shape, self.strides)
        channels = self.tensor.shape[-1]
        whole[..., :channels] = self.tensor
        whole[..., channels:] = 0
        return whole


def _saved_by(output: Tensor, number: int) -> Iterator[Any]:
    """What the operation of an output keeps, as far as it may be an input."""
    node: Any = output.grad_fn
    while type(node).__name__ in _VIEWS:
        node = node.next_functions[0][0]
    for name in _NAMES:
        if hasattr(node, name):
            yield getattr(node, name)
    # Of a custom function, such as that of the selected entries.
    yield from getattr(node, '_raw_saved_tensors', ())[:number]


def _pack(
    replaced: Mapping[tuple[Any, ...], Recipe], saved: Tensor
) -> _Recomputed | _Kept:
    recipe = replaced.get(_identity(saved))
    if recipe is not None:
        recipe.is_needed = True
        return _Recomputed(recipe, tuple(saved.shape))
    return _Kept(saved, saved._version)


def _unpack(packed: _Recomputed | _Kept) -> Tensor:
    if isinstance(packed, _Recomputed):
        return packed.recipe.result().view(packed.shape)
    if packed.tensor._version != packed.version:
        raise RuntimeError(
            'recompute: expected a tensor of shape '
            f'{tuple(packed.tensor.shape)} as it was in the forward pass, got '
            'one that was changed in place before the backward pass.'
        )
    return packed.tensor


def _identity(tensor: Tensor) -> tuple[Any, ...]:
    """Equal for two tensors only if they have the same values in memory."""
    flat = tensor.is_contiguous()
    layout = tensor.numel() if flat else (tensor.shape, tensor.stride())
    storage = tensor.untyped_storage()._cdata, tensor.storage_offset()
    return storage, tensor.dtype, tensor._version, layout
