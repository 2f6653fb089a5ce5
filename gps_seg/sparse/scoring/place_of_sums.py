# Copyright (c) gps_seg contributors. Apache-2.0.
"""Where the sums over the training data are kept: on the GPU, if they fit."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gps_seg.sparse.scoring.evidence import Evidence

#: The rest of the free memory is for activations and one dense gradient.
LARGEST_SHARE = 0.25


def sums_fit(needed: int, free: int) -> bool:
    """Whether sums take a small enough share of the free memory of a GPU.

    Args:
        needed: Bytes of all sums.
        free: Bytes that are free before the pass.

    Example:
        >>> sums_fit(needed=340, free=8000), sums_fit(needed=340, free=1000)
        (True, False)
    """
    return needed <= LARGEST_SHARE * free


def free_bytes(device: torch.device) -> int:
    """Bytes of a GPU that PyTorch could still allocate."""
    free, _ = torch.cuda.mem_get_info(device)
    reserved = torch.cuda.memory_reserved(device)
    return free + reserved - torch.cuda.memory_allocated(device)


def device_for_sums(
    parameters: Mapping[str, Tensor],
    evidence: Evidence,
    free: Callable[[torch.device], int] = free_bytes,
) -> torch.device:
    """The GPU that has all parameters, if the sums fit there, or the CPU.

    Args:
        parameters: Weights that are summed over, by name.
        evidence: Quantity to sum.
        free: Function that returns the number of free bytes of a GPU.

    Example:
        >>> device_for_sums({'fc': torch.zeros(2, 3)}, Evidence.GRADIENT)
        device(type='cpu')
    """
    devices = {parameter.device for parameter in parameters.values()}
    if len(devices) == 1:
        (device,) = devices
        needed = evidence.sum_bytes(parameters)
        if device.type == 'cuda' and sums_fit(needed, free(device)):
            return device
    return torch.device('cpu')
