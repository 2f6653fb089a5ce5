# Copyright (c) gps_seg contributors. Apache-2.0.
"""Let autograd keep a recipe in place of the input of an operation."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from gps_seg.execution.recomputation.recipes import Recipe

#: Names by which operations keep their input: activations and products,
#: linear maps with a bias, linear maps on some devices.
_NAMES = ('_raw_saved_self', '_raw_saved_mat1', '_raw_saved_input')

#: Operations that keep nothing, behind which the one that counts is: linear
#: maps flatten their inputs and return a view.
_VIEWS = ('ViewBackward0', 'UnsafeViewBackward0')


def keep_instead(output: Tensor, inputs: Tensor, recipe: Recipe) -> None:
    """Let the operation that made a tensor keep a recipe, not its input.

    Nothing happens if the operation does not keep exactly this input, or if
    other hooks decide what is kept: those of activation checkpointing, or of
    ``torch.autograd.graph.saved_tensors_hooks``.

    Args:
        output: Result of the operation.
        inputs: Input of the operation.
        recipe: Recipe of the input.
    """
    pack = partial(_pack, _identity(inputs), recipe)
    for saved in _saved_by(output):
        # It is an error if nothing is saved, or there are hooks already.
        with suppress(RuntimeError):
            saved.register_hooks(pack, _unpack)


class _Recomputed(NamedTuple):
    recipe: Recipe
    shape: tuple[int, ...]


class _Kept(NamedTuple):
    tensor: Tensor
    version: int


def _saved_by(output: Tensor) -> Iterator[Any]:
    """What the operation of an output keeps, as far as it may be the input."""
    node: Any = output.grad_fn
    while type(node).__name__ in _VIEWS:
        node = node.next_functions[0][0]
    for name in _NAMES:
        if hasattr(node, name):
            yield getattr(node, name)
    # Of a custom function, such as that of the selected entries.
    yield from getattr(node, '_raw_saved_tensors', ())[:1]


def _pack(
    replaced: tuple[Any, ...], recipe: Recipe, saved: Tensor
) -> _Recomputed | _Kept:
    if _identity(saved) == replaced:
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
