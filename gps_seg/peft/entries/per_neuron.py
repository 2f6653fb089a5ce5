# Copyright (c) gps_seg contributors. Apache-2.0.
"""Base class of methods that select equally many inputs of each neuron."""

from abc import ABC
from dataclasses import dataclass

from gps_seg.peft.entries.selecting import SelectsEntries
from gps_seg.sparse import Budget, Connections


@dataclass(frozen=True, kw_only=True)
class PerNeuron(SelectsEntries, ABC):
    """Train the ``k`` connections of each neuron with the highest scores.

    Args:
        k: Connections per neuron, from 1 to the smallest fan-in.
        encoder: Name of the pretrained submodule, in which connections are
            selected.
        rules: Rows of the rule table above the standard ones.

    Raises:
        TypeError: If ``k`` is not an integer.
        ValueError: If ``k < 1``.
    """

    k: int = 1

    @property
    def rule(self) -> Budget:
        """The inputs of each neuron compete."""
        return Budget('neuron', Connections(self.k))
