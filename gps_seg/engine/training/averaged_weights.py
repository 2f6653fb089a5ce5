# Copyright (c) gps_seg contributors. Apache-2.0.
"""Keep the frozen entries of averaged weights (``EMAHook``) unchanged."""

import torch
from torch import nn

from gps_seg.peft import Trainable
from gps_seg.sparse.training.entries import read_entries, write_entries


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
