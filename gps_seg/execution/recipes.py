# Copyright (c) gps_seg contributors. Apache-2.0.
"""Keep the way to compute a tensor for the backward pass, not the tensor.

A module notes on its output how it was computed. A later module takes the note
from its input and gives it to autograd in place of the input. The note is on
the tensor itself, so it is lost as soon as anything replaces the tensor, and
it is ignored once the tensor has been changed in place. Then autograd keeps
the tensor as usual.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Union

import torch
from torch import Tensor, nn

#: Name under which a tensor has its note.
_NOTE = '_gps_seg_recipe'


class Recipe:
    """How a module computed a tensor, from a tensor that is kept.

    The result has the same bits as the tensor, since it is computed by the
    same functions of the same values, under the same autocast.

    Args:
        module: Module without randomness or state of its own; the forward of
            its class is run, without hooks.
        source: Input of the module, or the recipe of the input.
        settings: Further keyword arguments of the forward.

    Example:
        >>> layer, x = nn.Linear(3, 2), torch.randn(4, 3)
        >>> torch.equal(Recipe(layer, x, {}).result(), layer(x))
        True
    """

    def __init__(
        self,
        module: nn.Module,
        source: Union[Tensor, 'Recipe'],
        settings: Mapping[str, Any],
    ) -> None:
        self._module, self._settings = module, settings
        # Detached, it shares storage and version, but keeps no graph alive.
        self._source = (
            source.detach() if isinstance(source, Tensor) else source
        )
        self._versions = [(t, t._version) for t in self._used()]
        self._device = _device_of(source)
        self._autocast = partial(
            torch.autocast,
            self._device,
            dtype=torch.get_autocast_dtype(self._device),
            enabled=torch.is_autocast_enabled(self._device),
            cache_enabled=False,
        )

    def result(self) -> Tensor:
        """Compute the tensor again, without a graph.

        Raises:
            RuntimeError: If a weight or the input has changed meanwhile.
        """
        self._check()
        source = self._source
        if isinstance(source, Recipe):
            source = source.result()
        with torch.no_grad(), self._autocast():
            result: Tensor = type(self._module).forward(
                self._module, source, **self._settings
            )
        return result

    def _used(self) -> list[Tensor]:
        used: list[Tensor] = list(self._module.parameters(recurse=False))
        if isinstance(self._source, Tensor):
            used.append(self._source)
        return used

    def _check(self) -> None:
        now = self._used()
        if len(now) == len(self._versions) and all(
            new is old and old._version == version
            for new, (old, version) in zip(now, self._versions, strict=True)
        ):
            return
        raise RuntimeError(
            'recompute: expected the input and the weights of '
            f'{type(self._module).__name__} as they were in the forward pass, '
            'got changed ones in the backward pass. Run the backward pass '
            'before anything writes into them, or leave recompute off.'
        )


def _device_of(source: Tensor | Recipe) -> str:
    return source._device if isinstance(source, Recipe) else source.device.type


def note(tensor: Tensor, recipe: Recipe) -> None:
    """Note how a tensor was computed.

    Args:
        tensor: Output of the recipe's module.
        recipe: How it was computed.
    """
    vars(tensor)[_NOTE] = recipe, tensor._version


def take_note(tensor: Tensor) -> Recipe | None:
    """Take the note from a tensor; None without one that still holds.

    Args:
        tensor: Any tensor.
    """
    recipe, version = vars(tensor).pop(_NOTE, (None, None))
    if recipe is None or version != tensor._version:
        return None
    return recipe


def keep_instead(node: Any, tensor: Tensor, recipe: Recipe) -> None:
    """Let a node of the graph keep a recipe in place of its input.

    Nothing happens if the node does not keep exactly this tensor, or if other
    hooks decide what is kept: activation checkpointing, or a context of
    ``torch.autograd.graph.saved_tensors_hooks``.

    Args:
        node: Node that has just been made, ``output.grad_fn``.
        tensor: Input of the node.
        recipe: How the input was computed.
    """
    saved = getattr(node, '_raw_saved_self', None)
    if saved is None:
        return
    pack = partial(_pack, _identity(tensor), recipe)
    try:
        saved.register_hooks(pack, _unpack)
    except RuntimeError as error:
        if 'already been set' not in str(error):
            raise


def _pack(
    replaced: tuple[Any, ...], recipe: Recipe, kept: Tensor
) -> Recipe | Tensor:
    return recipe if _identity(kept) == replaced else kept


def _unpack(packed: Recipe | Tensor) -> Tensor:
    return packed.result() if isinstance(packed, Recipe) else packed


def _identity(tensor: Tensor) -> tuple[Any, ...]:
    """Equal for two tensors only if they are the same values in memory."""
    return (
        tensor.data_ptr(),
        tensor.shape,
        tensor.stride(),
        tensor.dtype,
        tensor._version,
    )
