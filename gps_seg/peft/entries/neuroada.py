# Copyright (c) gps_seg contributors. Apache-2.0.
"""NeuroAda (Zhang et al., EMNLP 2025, arXiv 2510.18940).

In each neuron of a linear map the ``k`` inputs with the largest ``|w|`` train.
No training data is needed to select, and biases are frozen.

The authors keep ``W`` and add a sparse ``D`` that starts at zero:
``y = (W + D) x``. To train ``w`` from its value is the same, because ``w`` and
``d`` have the same gradient and so the same steps. Only weight decay differs:
here it pulls ``w`` towards zero, there ``d``, and so ``w`` towards its start.
The authors form ``W + D``, a dense copy, in each forward pass.
"""

from dataclasses import dataclass
from typing import ClassVar

from gps_seg.peft.entries.per_neuron import PerNeuron
from gps_seg.sparse.gps_rules import LINEAR_RULES
from gps_seg.sparse.rules import RuleTable


@dataclass(frozen=True, kw_only=True)
class NeuroAda(PerNeuron):
    """Train the largest weights of each neuron.

    Args:
        k: Connections per neuron, from 1 to the smallest fan-in.
        encoder: Name of the pretrained submodule, in which connections are
            selected.
        rules: Rows of the rule table above the standard ones.

    Raises:
        TypeError: If ``k`` is not an integer.
        ValueError: If ``k < 1``.

    Example:
        >>> NeuroAda(k=2).rule
        Budget(scope='neuron', amount=Connections(k=2))
    """

    standard: ClassVar[RuleTable] = LINEAR_RULES

    @property
    def criterion(self) -> str:
        """``|w|``."""
        return 'magnitude'
