# Copyright (c) gps_seg contributors. Apache-2.0.
"""The tuned model at test time: values that were trained, and operations."""

import copy
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from gps_seg.additions import merge, plan_of
from gps_seg.benchmark.architectures import ENCODER
from gps_seg.benchmark.contender import Contender


class TunedModel(NamedTuple):
    """What a method leaves in the model.

    Args:
        trained: Number of trained values in the encoder.
        flops: Floating-point operations of the tuned encoder in evaluation
            mode, relative to those of the plain encoder.
        merges: Whether all that was added can be folded into the weights of
            the encoder; False if nothing was added by a method of this
            package.
    """

    trained: int
    flops: float
    merges: bool


def describe_tuned(
    model: nn.Module, contender: Contender, flops: float
) -> TunedModel:
    """Count what trains, and try to merge what was added.

    Args:
        model: Segmentor under a method; not changed.
        contender: The method.
        flops: Operations relative to the plain encoder.
    """
    return TunedModel(trained_in_encoder(contender), flops, _merges(model))


def trained_in_encoder(contender: Contender) -> int:
    """Number of values of the encoder that the optimizer trains."""
    return sum(
        parameter.numel()
        for name, parameter in contender.trained.items()
        if name.startswith(f'{ENCODER}.')
    )


def flops_of(encoder: nn.Module, size: int) -> int:
    """Floating-point operations of one image, in evaluation mode.

    Multiplications and additions of matrix products, convolutions and
    attention count; elementwise functions do not.

    Args:
        encoder: Encoder, with or without additions; not changed.
        size: Side of the square image in pixels.
    """
    device = next(encoder.parameters()).device
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    # The fused kernels of CPUs are unknown to the counter.
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        encoder(torch.zeros(1, 3, size, size, device=device))
    for module, training in modes.items():
        module.training = training
    return int(counter.get_total_flops())


def _merges(model: nn.Module) -> bool:
    if not plan_of(model):
        return False
    try:
        merge(copy.deepcopy(model))
    except ValueError:
        return False
    return True
