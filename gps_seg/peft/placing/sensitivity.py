# Copyright (c) gps_seg contributors. Apache-2.0.
"""The sensitivity of entries: the sum over batches of squared gradients."""

from collections.abc import Mapping

from torch import Tensor

from gps_seg.peft.entries.selecting import check_some_are_scored
from gps_seg.peft.method import TrainingPass
from gps_seg.sparse import Evidence
from gps_seg.sparse.budget import checked_finite

#: Largest number of batches of each process (SPT, He et al., ICCV 2023).
NUM_BATCHES = 16


def sensitivities(passes: TrainingPass) -> Mapping[str, Tensor]:
    """The sensitivity of each entry of the scored weights, by name.

    Args:
        passes: Pass over the training data; it ends after 16 batches.

    Returns:
        Tensors on the CPU.

    Raises:
        ValueError: If a sum is not finite, or all are zero.
    """
    (sums,) = passes(Evidence.SQUARED_GRADIENT, most=NUM_BATCHES)
    check_some_are_scored(sums)
    return {
        name: checked_finite(score, name).cpu() for name, score in sums.items()
    }
