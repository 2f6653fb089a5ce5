# Copyright (c) gps_seg contributors. Apache-2.0.
"""Base class of methods without selected entries."""

from collections.abc import Mapping

from torch import nn

from gps_seg.peft.method import Choice, PeftMethod, TrainingPass
from gps_seg.sparse import Evidence, Owned, Selection


class SelectsNothing(PeftMethod):
    """A method that trains whole parameters alone, or adds something."""

    @property
    def evidence(self) -> Evidence | None:
        """None: no pass is run."""
        return None

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Accept any model: there is nothing to select from."""

    def sizes(self, weights: Mapping[str, Owned]) -> Mapping[str, int]:
        """No entries."""
        return {}

    def choose(
        self,
        model: nn.Module,
        weights: Mapping[str, Owned],
        passes: TrainingPass,
        seed: int,
    ) -> Choice:
        """Choose nothing, without a pass."""
        return Choice(Selection({}, {}))

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """All of them: no pass is run."""
        return without_a_pass(given)


def without_a_pass(given: frozenset[str]) -> Mapping[str, str]:
    """The settings of a pass over the training data that is not run."""
    return dict.fromkeys(given, 'looks at no training data to select')


def without_a_gradient(given: frozenset[str]) -> Mapping[str, str]:
    """The settings of a backward pass that is not run."""
    unused = given & {'loss', 'checkpointing'}
    return dict.fromkeys(unused, 'takes no gradient of a loss')
