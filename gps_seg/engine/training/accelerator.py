# Copyright (c) gps_seg contributors. Apache-2.0.
"""The devices on which MMEngine trains in mixed precision."""

from mmengine.device import (
    is_cuda_available,
    is_mlu_available,
    is_musa_available,
    is_npu_available,
)


def has_accelerator() -> bool:
    """Whether MMEngine's own ``AmpOptimWrapper`` works here."""
    return (
        is_cuda_available()
        or is_npu_available()
        or is_mlu_available()
        or is_musa_available()
    )
