# Copyright (c) gps_seg contributors. Apache-2.0.
"""The base of a page: what it is, and whether it is still what it was."""

from mmengine.config import Config
from torch import nn

from gps_seg.delta.base.sources import all_tensors
from gps_seg.delta.change import same_bits
from gps_seg.engine.start_weights import start_of
from gps_seg.models.weight_files import read_tensors

ENCODER = 'backbone.'


class BaseCopy:
    """A copy of all tensors of a model, to compare the model with.

    A comparison of all bits with a copy takes less time than a hash of them.
    It also notices a tensor that was added or taken away.

    Args:
        model: Model without a delta.

    Example:
        >>> import torch
        >>> model = nn.Linear(2, 2)
        >>> copy = BaseCopy(model)
        >>> copy.equals(model)
        True
        >>> _ = torch.nn.init.zeros_(model.bias)
        >>> copy.equals(model)
        False
    """

    def __init__(self, model: nn.Module) -> None:
        tensors = all_tensors(model.state_dict())
        self._tensors = {n: t.detach().clone() for n, t in tensors.items()}

    def equals(self, model: nn.Module) -> bool:
        """Whether every bit of every tensor is the same as in the copy."""
        present = all_tensors(model.state_dict())
        return present.keys() == self._tensors.keys() and all(
            same_bits(tensor, present[name])
            for name, tensor in self._tensors.items()
        )


def has_trained_head(config: Config, model: nn.Module) -> bool:
    """Whether the weights that the config starts from contain the head.

    Without that the base alone predicts nothing.

    Args:
        config: Config of the base.
        model: Model that was built from it.
    """
    start = start_of(config)
    if not start or '://' in start:
        return False
    head = {n for n in model.state_dict() if not n.startswith(ENCODER)}
    return head <= read_tensors(start).keys()
