# Copyright (c) gps_seg contributors. Apache-2.0.
"""How the model of a run computes: settings that change no result."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn

from gps_seg.engine.training.hook_settings import peft_hooks
from gps_seg.execution import FusedAttention, fuse_attention
from gps_seg.sparse.checks import check_flag


class HostExecution:
    """Settings of a ``PeftHook`` on how its model computes.

    Args:
        fused_attention: Whether attention runs without its matrices of
            weights, see :func:`gps_seg.execution.fuse_attention`.
    """

    def __init__(self, fused_attention: bool) -> None:
        check_flag('fused_attention', fused_attention)
        self._fused_attention = fused_attention
        self._fused: FusedAttention | None = None

    @classmethod
    def of(cls, config: Config) -> HostExecution:
        """Settings of a config; without a ``PeftHook`` all are off."""
        hooks = peft_hooks(config)
        return cls(bool(hooks) and hooks[0].get('fused_attention', True))

    def begin(self, model: nn.Module, logger: Any = None) -> None:
        """Let a model compute as set.

        Args:
            model: Model; changed in place.
            logger: Logger, or its name, see ``mmengine.logging.print_log``;
                None to print nothing.
        """
        self.end()
        if not self._fused_attention:
            return
        self._fused = fuse_attention(model)
        if logger is not None and self._fused.layers:
            print_log(
                f'Attention runs fused in {len(self._fused.layers)} layers; '
                'fused_attention=False of the PeftHook runs it as written.',
                logger,
            )

    def end(self) -> None:
        """Let the model compute as its classes say again."""
        if self._fused is not None:
            self._fused.remove()
            self._fused = None
