# Copyright (c) gps_seg contributors. Apache-2.0.
"""FPS, *Feedforward-based Parameter Selection* (arXiv 2510.27359, v1).

In each neuron the ``k`` inputs with the largest ``|w| * E|x|`` train, where
``x`` is what ``w`` multiplies, on average over tokens and images. So it takes
a forward pass over the training data and no backward pass.

This is GPS with another score; as there, biases train whole. No code of the
authors was found. The second version of the paper divides by the activations
on the pretraining data, which are not at hand here.
"""

from dataclasses import dataclass

from gps_seg.peft.entries.per_neuron import PerNeuron


@dataclass(frozen=True, kw_only=True)
class FPS(PerNeuron):
    """Train the connections of each neuron that carry the most.

    Args:
        k: Connections per neuron, from 1 to the smallest fan-in.
        encoder: Name of the pretrained submodule, in which connections are
            selected.
        rules: Rows of the rule table above the standard ones.

    Raises:
        TypeError: If ``k`` is not an integer.
        ValueError: If ``k < 1``.

    Example:
        >>> FPS(k=1).evidence.value
        '|x| of the input that w multiplies'
    """

    @property
    def criterion(self) -> str:
        """``|w|`` times the sum of ``|x|``."""
        return 'activation'
