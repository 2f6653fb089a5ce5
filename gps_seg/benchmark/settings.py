# Copyright (c) gps_seg contributors. Apache-2.0.
"""Settings of one run of the benchmark."""

from dataclasses import dataclass

import torch

from gps_seg.benchmark.architectures import check_architecture

DEVICES = ('cpu', 'cuda')


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that all methods of a run share.

    Args:
        arch: Key of :data:`~gps_seg.benchmark.architectures.ARCHITECTURES`.
        size: Side of the square input in pixels.
        batch: Number of images per step.
        device: ``'cpu'`` or ``'cuda'``.
        steps: Number of timed steps per round, after the warm-up.
        rounds: Number of rounds; each measures every method once.
        warmup: Number of steps before the timed ones.
        seed: Seed of weights and data.
        checkpoint: Weights of the encoder, or None for random ones.

    Raises:
        ValueError: If one of them is invalid.

    Example:
        >>> Settings(arch='tiny', size=32).rounds
        3
    """

    arch: str
    size: int
    batch: int = 1
    device: str = 'cpu'
    steps: int = 5
    rounds: int = 3
    warmup: int = 2
    seed: int = 0
    checkpoint: str | None = None

    def __post_init__(self) -> None:
        check_architecture(self.arch, self.size)
        for name in ('batch', 'steps', 'rounds'):
            if getattr(self, name) < 1:
                raise ValueError(
                    f'{name}: expected 1 or more, got {getattr(self, name)}.'
                )
        if self.device not in DEVICES:
            raise ValueError(
                f'device: expected {" or ".join(DEVICES)}, got '
                f'{self.device!r}.'
            )
        if self.device == 'cuda' and not torch.cuda.is_available():
            raise ValueError(
                'device: expected one that is available, got cuda, but torch '
                'finds no GPU. Use --device cpu.'
            )
