# Copyright (c) gps_seg contributors. Apache-2.0.
"""The delta that is applied to a model.

It is stored in a weak table outside the models, so that a model's modules,
state-dict keys, copies and pickles are those of a plain model.
"""

from threading import RLock
from weakref import WeakKeyDictionary

from torch import nn

from gps_seg.delta.base.known_tensors import KnownTensors
from gps_seg.delta.delta import Delta
from gps_seg.delta.exchange.one_delta import Exchange, Proven


class ModelState:
    """The delta of one model, and what is known of its tensors."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.known = KnownTensors()
        self._proven: WeakKeyDictionary[Delta, dict[str, Proven]] = (
            WeakKeyDictionary()
        )
        self.exchange: Exchange | None = None

    def exchange_for(self, delta: Delta) -> Exchange:
        """An exchange of a delta that has not been put on yet."""
        proven = self._proven.setdefault(delta, {})
        return Exchange(delta, self.known, proven)

    def present(self, action: str) -> Exchange:
        """The applied delta; raises RuntimeError if there is none."""
        if self.exchange is None:
            raise RuntimeError(
                f'{action}: expected a model with a delta, got one without. '
                'Only the model that was given to apply has a delta, not a '
                'copy of it.'
            )
        return self.exchange


_STATES: WeakKeyDictionary[nn.Module, ModelState] = WeakKeyDictionary()


def state_of(model: nn.Module) -> ModelState:
    """The state of a model; a new model has no delta."""
    return _STATES.setdefault(model, ModelState())
