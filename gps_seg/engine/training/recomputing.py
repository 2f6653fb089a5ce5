# Copyright (c) gps_seg contributors. Apache-2.0.
"""The setting of a ``PeftHook`` that recomputes parts of the encoder."""

from collections import Counter
from logging import Logger

from mmengine.config import Config
from torch import nn

from gps_seg.execution import RecomputedMlps, recompute_mlps
from gps_seg.sparse.checks import check_flag


class Recomputing:
    """Recompute the MLPs of an encoder while a run selects and trains.

    Args:
        wanted: Whether to do so, see
            :func:`gps_seg.execution.recompute_mlps`.
    """

    def __init__(self, wanted: bool) -> None:
        check_flag('recompute', wanted)
        self._wanted = wanted
        self._mlps: RecomputedMlps | None = None

    def check(self, config: Config) -> None:
        """Raise ValueError if the config of the run compiles the model."""
        if self._wanted and config.get('compile'):
            raise ValueError(
                'recompute: expected a run without compile, got '
                f'compile={config.compile!r}: compiled code keeps what its '
                'compiler decides. Remove recompute of the PeftHook, and let '
                'the compiler recompute: '
                'torch._functorch.config.activation_memory_budget = 0.5.'
            )

    def begin(self, model: nn.Module, encoder: str) -> None:
        """Begin if it is wanted; a pass over the data can follow.

        Args:
            model: Model of the run.
            encoder: Name of its pretrained submodule.
        """
        self.end()
        if self._wanted:
            self._mlps = recompute_mlps(model, encoder)

    def report(self, logger: Logger) -> None:
        """Log what is recomputed, once the additions are attached."""
        if self._mlps is None:
            return
        done, left = self._mlps.recomputed, self._mlps.left
        text = (
            f'recompute: the backward pass recomputes {len(done)} of '
            f'{len(done) + len(left)} MLPs.'
        )
        for reason, number in Counter(left.values()).items():
            text += f' {number} left as they are: {reason}.'
        if done:
            logger.info(text)
        else:
            logger.warning(f'{text} So the setting has no effect.')

    def end(self) -> None:
        """Let the model keep everything for its backward pass again."""
        if self._mlps is not None:
            self._mlps.remove()
            self._mlps = None
