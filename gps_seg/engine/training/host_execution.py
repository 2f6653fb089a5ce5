# Copyright (c) gps_seg contributors. Apache-2.0.
"""How the model of a run computes: fused, recomputed, compiled.

Attention is fused for the whole run. MLPs or blocks are recomputed while the
run selects and trains. Encoder and heads are compiled for the iterations
alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from logging import Logger
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.training.hook_settings import peft_hooks
from gps_seg.execution import (
    CompiledParts,
    FusedAttention,
    RecomputedBlocks,
    RecomputedMlps,
    compile_parts,
    fuse_attention,
    recompute_blocks,
    recompute_mlps,
)
from gps_seg.sparse.checks import check_flag

_RECOMPUTE = {'mlps': recompute_mlps, 'blocks': recompute_blocks}


class HostExecution:
    """Settings of a ``PeftHook``, and MMEngine's ``compile``, at work.

    Args:
        fused_attention: Whether attention runs without its matrices of
            weights, see :func:`gps_seg.execution.fuse_attention`.
        recompute: Part that the backward pass recomputes: ``'mlps'``, see
            :func:`gps_seg.execution.recompute_mlps`, ``'blocks'``, see
            :func:`gps_seg.execution.recompute_blocks`, or None for none.

    Raises:
        TypeError: If ``fused_attention`` is no flag.
        ValueError: If ``recompute`` is none of the three.
    """

    def __init__(
        self, fused_attention: bool, recompute: str | None = None
    ) -> None:
        check_flag('fused_attention', fused_attention)
        if recompute not in (None, *_RECOMPUTE):
            raise ValueError(
                "recompute: expected 'mlps', 'blocks' or None, got "
                f'{recompute!r}.'
            )
        self._fused_attention = fused_attention
        self._recompute = recompute
        self._fused: FusedAttention | None = None
        self._recomputed: RecomputedMlps | RecomputedBlocks | None = None
        self._compiled: CompiledParts | None = None

    @classmethod
    def of(cls, config: Config) -> HostExecution:
        """Settings of a config; without a ``PeftHook`` all are off."""
        hooks = peft_hooks(config)
        return cls(bool(hooks) and hooks[0].get('fused_attention', True))

    def check(self, config: Config) -> None:
        """Check what a run would compile.

        Args:
            config: Config of the run.

        Raises:
            ValueError: If ``compile`` is neither a flag nor arguments of
                ``torch.compile``, or compiled code would recompute.
        """
        _check_compile(config.get('compile') or False)
        if self._recompute is not None and compile_options(config) is not None:
            raise ValueError(
                'recompute: expected a run without compile, got '
                f'compile={config.compile!r}: compiled code keeps what its '
                'compiler decides. Remove recompute of the PeftHook, and let '
                'the compiler recompute: '
                'torch._functorch.config.activation_memory_budget = 0.5.'
            )

    def begin(self, model: nn.Module, logger: Logger | None = None) -> None:
        """Let a model compute as set in a validation, a test or a run.

        Args:
            model: Model; changed in place.
            logger: Logger; None to log nothing.
        """
        self.end()
        if not self._fused_attention:
            return
        self._fused = fuse_attention(model)
        if logger is not None and self._fused.layers:
            logger.info(
                f'Attention runs fused in {len(self._fused.layers)} layers; '
                'fused_attention=False of the PeftHook runs it as written.'
            )

    def begin_selecting(self, runner: Runner, encoder: str) -> None:
        """Let the model compute as set in a pass over the data.

        The ``train_step`` that MMEngine has compiled as a whole is given up:
        the pass runs it step by step and hook by hook.

        Args:
            runner: Runner whose model is not wrapped.
            encoder: Name of the model's pretrained child.
        """
        if compile_options(runner.cfg) is not None:
            vars(runner.model).pop('train_step', None)
        if self._recompute is not None:
            recompute = _RECOMPUTE[self._recompute]
            self._recomputed = recompute(bare_model(runner), encoder)

    def begin_training(self, runner: Runner) -> None:
        """Let the model compute as set in the iterations, and log how.

        Args:
            runner: Runner whose model has its additions.
        """
        if self._recomputed is not None:
            self._report_recomputed(self._recomputed, runner.logger)
        options = compile_options(runner.cfg)
        if options is not None:
            self._compiled = compile_parts(bare_model(runner), **options)
            runner.logger.info(
                f'Compile: {", ".join(self._compiled.names)}, in place of the '
                'whole train_step with losses and logs. The first iterations '
                'take longer.'
            )

    def _report_recomputed(
        self, parts: RecomputedMlps | RecomputedBlocks, logger: Logger
    ) -> None:
        """Log what is recomputed; warn if nothing is."""
        done, left = parts.recomputed, parts.left
        text = (
            f'recompute={self._recompute!r}: the backward pass recomputes '
            f'{len(done)} of {len(done) + len(left)}.'
        )
        for reason, number in Counter(left.values()).items():
            text += f' {number} left as they are: {reason}.'
        if done:
            logger.info(text)
        else:
            logger.warning(f'{text} So the setting has no effect.')

    def end_training(self) -> None:
        """Let the model compute as in a validation again."""
        for handle in (self._compiled, self._recomputed):
            if handle is not None:
                handle.remove()
        self._compiled = self._recomputed = None

    def end(self) -> None:
        """Let the model compute as its classes say again."""
        self.end_training()
        if self._fused is not None:
            self._fused.remove()
            self._fused = None


def compile_options(config: Config) -> dict[str, Any] | None:
    """MMEngine's setting as arguments of ``torch.compile``.

    Args:
        config: Config of the run.

    Returns:
        The arguments, perhaps none; None if the run does not compile.
    """
    setting = config.get('compile')
    if isinstance(setting, Mapping):
        return dict(setting)
    return {} if setting else None


def _check_compile(setting: Any) -> None:
    if not isinstance(setting, bool | Mapping):
        raise ValueError(
            'compile: expected True, False or a dict with arguments of '
            f'torch.compile, got {setting!r}.'
        )
    if not isinstance(setting, Mapping):
        return
    try:
        torch.compile(nn.Identity(), **setting)
    except (TypeError, RuntimeError) as error:
        reason = str(error).partition('\n')[0]
        raise ValueError(
            'compile: expected arguments of torch.compile, got '
            f'{dict(setting)}: {reason}'
        ) from error
