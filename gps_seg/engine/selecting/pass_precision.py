# Copyright (c) gps_seg contributors. Apache-2.0.
"""The precision of the scoring pass: that of the training, with one exception.

Under autocast to bfloat16 the gradients of float32 weights are float32 values
that bfloat16 products have rounded; they are summed in float32. Autocast to
float16 needs a scaled loss, because small gradients become zeros. The pass
runs in float32 instead.
"""

import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn


def pass_dtype(wrapper: OptimWrapper) -> torch.dtype:
    """Type of matrix products in the pass before a training.

    Args:
        wrapper: Optim wrapper of the training.

    Returns:
        ``torch.bfloat16`` if the training runs under its autocast, or
        ``torch.float32``.
    """
    is_mixed = isinstance(wrapper, AmpOptimWrapper)
    if is_mixed and wrapper.cast_dtype is torch.bfloat16:
        return torch.bfloat16
    return torch.float32


def pass_autocast(model: nn.Module, dtype: torch.dtype) -> torch.autocast:
    """The autocast of a pass on the device of a model.

    Args:
        model: Model that runs.
        dtype: Result of :func:`pass_dtype`; float32 for no autocast.
    """
    device = next(model.parameters()).device
    is_mixed = dtype is not torch.float32
    return torch.autocast(device.type, torch.bfloat16, enabled=is_mixed)
