# Copyright (c) gps_seg contributors. Apache-2.0.
"""Gradients over several processes, as DistributedDataParallel averages them.

DistributedDataParallel keeps buckets for the gradients of the whole model.
The few tensors that train here do not need them.
"""

from collections.abc import Iterable

import torch
from mmengine.dist import all_reduce_params, get_world_size
from torch import Tensor


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Average ``grad`` of each parameter over the processes, in place.

    A gradient that only some processes have counts as zero in the others. A
    gradient that no process has stays None, so the optimizer skips the
    parameter, weight decay included, as it does in one process.

    Args:
        parameters: Parameters, in the same order in every process.
    """
    parameters = list(parameters)
    if get_world_size() == 1 or not parameters:
        return
    missing = [i for i, p in enumerate(parameters) if p.grad is None]
    holders = torch.ones(len(parameters), device=parameters[0].device)
    for index in missing:
        holders[index] = 0
        parameters[index].grad = torch.zeros_like(parameters[index])
    # Float32 gradients and the holders travel in one message.
    all_reduce_params([holders, *(p.grad for p in parameters)], op='mean')
    for index in missing:
        if holders[index] == 0:
            parameters[index].grad = None
