# Copyright (c) gps_seg contributors. Apache-2.0.
"""Recipes: how to compute a tensor of the forward pass again.

A module that has computed a tensor notes its recipe. The module that takes the
tensor takes the note and may give the recipe to autograd in place of the
tensor (:mod:`gps_seg.execution.recomputation.kept`). The note belongs to that
very tensor. It is lost as soon as anything else takes the tensor's place, and
it does not hold once the tensor has been changed in place. Then autograd keeps
the tensor as usual.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Union

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary


class Recipe:
    """How a module computed a tensor, from a tensor that is kept.

    The result has the same bits as the tensor, since it is computed by the
    same functions of the same values, under the same autocast.

    Attributes:
        is_needed: Whether a backward pass will ask for the result itself.

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
        self.is_needed = False
        self._ready: Tensor | None = None
        self._module, self._settings = module, settings
        # Detached, it shares storage and version, but keeps no graph alive.
        self._source = (
            source.detach() if isinstance(source, Tensor) else source
        )
        self._versions = [(t, t._version) for t in self._used()]
        self._device: str = (
            source._device
            if isinstance(source, Recipe)
            else source.device.type
        )
        self._autocast = _same_autocast(self._device)

    def result(self) -> Tensor:
        """Compute the tensor again, without a graph.

        Raises:
            RuntimeError: If a weight or the input has changed meanwhile.
        """
        self._check()
        ready, self._ready = self._ready, None
        if ready is not None:
            return ready
        source = self._source
        if isinstance(source, Recipe):
            source = source._result_for_another()
        with torch.no_grad(), self._autocast():
            result: Tensor = type(self._module).forward(
                self._module, source, **self._settings
            )
        return result

    def _result_for_another(self) -> Tensor:
        """The result, which stays ready if it will be asked for next."""
        result = self.result()
        if self.is_needed:
            self._ready = result
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


def _same_autocast(device: str) -> Callable[[], AbstractContextManager[Any]]:
    """Factory of a context with the state that autocast has now."""
    if not torch.amp.is_autocast_available(device):
        return nullcontext
    return partial(
        torch.autocast,
        device,
        dtype=torch.get_autocast_dtype(device),
        enabled=torch.is_autocast_enabled(device),
        cache_enabled=False,
    )


#: Recipe of a tensor, and the version of the tensor that it gives.
_notes: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def note(tensor: Tensor, recipe: Recipe) -> None:
    """Note how a tensor was computed.

    Args:
        tensor: Output of the recipe's module.
        recipe: Its recipe.

    Example:
        >>> layer, x = nn.Linear(3, 2), torch.randn(4, 3)
        >>> y = layer(x)
        >>> note(y, Recipe(layer, x, {}))
        >>> torch.equal(take_note(y).result(), y)
        True
        >>> print(take_note(y))
        None
    """
    _notes[tensor] = recipe, tensor._version


def take_note(tensor: Tensor) -> Recipe | None:
    """Take the note of a tensor; None without one that still holds.

    Args:
        tensor: Any tensor.
    """
    recipe: Recipe | None
    recipe, version = _notes.pop(tensor, (None, None))
    if recipe is None or version != tensor._version:
        return None
    return recipe
