# Copyright (c) gps_seg contributors. Apache-2.0.
"""The number of trained values: connections, biases, added, head, other."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from gps_seg.additions import added_names
from gps_seg.engine.training_mode import in_training_mode
from gps_seg.peft import Trainable
from gps_seg.sparse import Owned, owned_parameters

#: Kinds of trained values, and how a sentence names them.
KINDS: Mapping[str, str] = {
    'connections': 'connections',
    'biases': 'biases',
    'added': 'in added modules',
    'head': 'in the head',
    'other': 'other',
}


@dataclass(frozen=True)
class TrainedValues:
    """Number of trained values of each kind.

    Args:
        connections: Selected entries of weights.
        biases: Values of the encoder's biases.
        head: Values outside the encoder.
        other: Other trained values of the encoder.
        total: Values of all parameters of the model, trained or frozen.
        added: Values of modules that the method added to the model.
    """

    connections: int
    biases: int
    head: int
    other: int
    total: int
    added: int = 0

    @property
    def trained(self) -> int:
        """Values that the optimizer steps."""
        return sum(getattr(self, kind) for kind in KINDS)

    @property
    def share(self) -> float:
        """Share of all values that train, in [0, 1]."""
        return self.trained / max(1, self.total)

    def __str__(self) -> str:
        """One line: number, share in percent, and the kinds that train."""
        kinds = [
            f'{getattr(self, kind):,} {words}'
            for kind, words in KINDS.items()
            if getattr(self, kind)
        ]
        return (
            f'{self.trained:,} of {self.total:,} values '
            f'({100 * self.share:.2f} %): '
            f'{", ".join(kinds) or "nothing"}'
        )


def count_trained(
    model: nn.Module, encoder: str, trainable: Trainable
) -> TrainedValues:
    """Count the values of a model that train.

    Args:
        model: Model, not wrapped for distribution.
        encoder: Name of its pretrained submodule.
        trainable: Parameters of the model that train.
    """
    counts = dict.fromkeys(KINDS, 0)
    counts['connections'] = trainable.count()['selected']
    total, added = 0, added_names(model)
    for name, owned in owned_parameters(model):
        total += owned.parameter.numel()
        if name in trainable.whole:
            kind = 'added'
            if name not in added:
                kind = _kind(name, owned, encoder)
            counts[kind] += owned.parameter.numel()
    return TrainedValues(**counts, total=total)


def count_plain(model: nn.Module) -> TrainedValues:
    """Count them in a model that trains without a method of this package."""
    with in_training_mode(model):
        parameters = list(model.parameters())
        trained = sum(p.numel() for p in parameters if p.requires_grad)
    total = sum(p.numel() for p in parameters)
    return TrainedValues(0, 0, 0, trained, total)


def _kind(name: str, owned: Owned, encoder: str) -> str:
    if not name.startswith(f'{encoder}.'):
        return 'head'
    return 'biases' if owned.is_bias else 'other'
