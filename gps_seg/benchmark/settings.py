# Copyright (c) gps_seg contributors. Apache-2.0.
"""What one run of the benchmark measures, and how often."""

from dataclasses import dataclass

import torch

from gps_seg.benchmark.architectures import check_architecture

DEVICES = ('cpu', 'cuda')


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The same for all methods of a run.

    Args:
        arch: Key of :data:`~gps_seg.benchmark.architectures.ARCHITECTURES`.
        size: Side of the square input in pixels.
        batch: Images per step.
        device: ``'cpu'`` or ``'cuda'``.
        steps: Timed steps per round, after :attr:`warmup` others.
        rounds: How often every method has its turn.
        warmup: Steps before the timed ones.
        seed: Seed of weights and data.
        checkpoint: Weights of the encoder, or None for random ones.

    Raises:
        ValueError: If one of them does not fit.
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
                f'device: expected one of {DEVICES}, got {self.device!r}.'
            )
        if self.device == 'cuda' and not torch.cuda.is_available():
            raise ValueError(
                'device: expected one that is there, got cuda, but torch '
                'finds no GPU. Use --device cpu.'
            )
