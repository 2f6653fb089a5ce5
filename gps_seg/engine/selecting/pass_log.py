# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the log says about the pass over the training data."""

import logging

import torch
from mmengine.logging import print_log

from gps_seg.text.announcement import Announcement

MIB = 2**20


def announce_pass(
    batches: int,
    batch_size: int,
    dtype: torch.dtype,
    num_bytes: int,
    device: torch.device,
) -> None:
    """Log what the pass will take.

    Args:
        batches: Number of batches of this process.
        batch_size: Number of images in a batch.
        dtype: Type of matrix products.
        num_bytes: Memory of the sums.
        device: Device on which they are kept.
    """
    precision = str(dtype).removeprefix('torch.')
    place = 'CPU' if device.type == 'cpu' else 'GPU'
    _announce(
        f'Selecting by {batches} batches of {batch_size} images in '
        f'{precision}; sums take {num_bytes / MIB:,.0f} MiB on the {place}'
    )


def announce_batch(done: int, batches: int, loss: float, left: str) -> None:
    """Log the progress.

    Args:
        done: Number of batches done.
        batches: Number of batches in all.
        loss: Loss of the last batch.
        left: Time that is left.
    """
    _announce(
        f'Selecting connections: batch {done}/{batches}, loss {loss:.4f}, '
        f'{left}'
    )


def _announce(text: str) -> None:
    print_log(Announcement(text), logger='current', level=logging.INFO)
