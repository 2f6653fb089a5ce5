# Copyright (c) gps_seg contributors. Apache-2.0.
"""Gradients over several processes, as DistributedDataParallel averages them.

For the few tensors that train there is no need of its buckets, which hold
gradients for the whole model.
"""

from collections.abc import Iterable

import torch
from mmengine.dist import all_reduce_params, get_world_size
from torch import Tensor


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Average ``grad`` of each parameter over the processes, in place.

    A gradient that only some processes have counts as zeros in the others.
    One that none has stays None, so that an optimizer passes the parameter
    over, weight decay included, as it does in one process.

    Args:
        parameters: The same ones in the same order in every process.
    """
    parameters = list(parameters)
    if get_world_size() == 1 or not parameters:
        return
    missing = [i for i, p in enumerate(parameters) if p.grad is None]
    holders = torch.ones(len(parameters), device=parameters[0].device)
    for index in missing:
        holders[index] = 0
        parameters[index].grad = torch.zeros_like(parameters[index])
    # In one message with the gradients, where these are float32 too.
    all_reduce_params([holders, *(p.grad for p in parameters)], op='mean')
    for index in missing:
        if holders[index] == 0:
            parameters[index].grad = None
