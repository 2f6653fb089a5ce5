# Copyright (c) gps_seg contributors. Apache-2.0.
"""Averaged weights (``EMAHook``): what they add, and what must not change."""

import torch
from mmengine.model import BaseAveragedModel
from torch import nn

from gps_seg.additions import Plan, attach
from gps_seg.peft import Trainable
from gps_seg.sparse.training.entries import read_entries, write_entries


def attach_to_average(
    averaged: BaseAveragedModel, plan: Plan, seed: int
) -> None:
    """Add to averaged weights what is added to the model.

    The average was copied from the model before anything was added to it.

    Args:
        averaged: Wrapper of the copy with averaged weights.
        plan: Additions to the model.
        seed: Seed of the initial values.
    """
    attach(averaged.module, plan, seed)
    averaged.module.requires_grad_(False)
    averaged.avg_parameters = (
        averaged.module.state_dict()
        if averaged.update_buffers
        else dict(averaged.module.named_parameters())
    )


@torch.no_grad()
def keep_frozen_bits(
    averaged: nn.Module, model: nn.Module, trainable: Trainable
) -> None:
    """Copy everything that does not train from the model into its average.

    The average of equal numbers is that number, except that a negative zero
    becomes a positive zero.

    Args:
        averaged: Model of the same architecture with averaged weights;
            averages of trained entries are kept.
        model: Trained model.
        trainable: Parameters of the model that train.
    """
    trained = set(trainable.names.values())
    averages = dict(averaged.named_parameters())
    for name, parameter in model.named_parameters():
        average, entries = averages[name], trainable.selected.get(name)
        if entries is not None:
            kept = read_entries(average, entries.indices)
            average.copy_(parameter)
            write_entries(average, entries.indices, kept)
        elif name not in trained:
            average.copy_(parameter)
