# Copyright (c) gps_seg contributors. Apache-2.0.
"""The segmentor that a row trains, on a host that runs as the row says."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gps_seg.benchmark.architectures import (
    build_segmentor,
    synthetic_loss,
)
from gps_seg.benchmark.settings import Settings
from gps_seg.execution import fuse_attention
from gps_seg.sparse import Selection


def set_up(
    settings: Settings, attention: str = 'shipped', with_cp: bool = False
) -> tuple[nn.Module, Callable[[], Tensor]]:
    """The segmentor on its device, and its loss over the batch.

    Args:
        settings: Settings of the run.
        attention: One of :data:`~gps_seg.benchmark.rows.ATTENTIONS`.
        with_cp: Whether the host checkpoints its blocks, if it can.
    """
    _set_precision(settings)
    model = build_segmentor(
        settings.arch,
        settings.size,
        settings.seed,
        settings.checkpoint,
        **({'with_cp': True} if with_cp else {}),
    ).to(settings.device)
    if attention == 'fused':
        fuse_attention(model)
    loss = synthetic_loss(
        model,
        settings.size,
        settings.batch,
        settings.seed + 1,
        half=settings.dtype == 'bfloat16',
        compiled=settings.compile,
    )
    return model, loss


def _set_precision(settings: Settings) -> None:
    """Let a GPU use TF32 in products and convolutions, or in neither."""
    torch.backends.cuda.matmul.allow_tf32 = settings.tf32
    torch.backends.cudnn.allow_tf32 = settings.tf32


def chosen_in(file: str | None) -> Selection:
    """The selection of a file; an empty one without a file."""
    return Selection({}, {}) if file is None else Selection.load(file)


def synchronize() -> None:
    """Wait for the GPU, if this process uses one."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
