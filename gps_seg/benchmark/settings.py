# Copyright (c) gps_seg contributors. Apache-2.0.
"""Settings of one run of the benchmark."""

from dataclasses import dataclass

import torch

from gps_seg.benchmark.hosts import check_architecture

DEVICES = ('cpu', 'cuda')
DTYPES = ('float32', 'bfloat16')


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that all methods of a run share.

    Args:
        arch: Key of :data:`~gps_seg.benchmark.hosts.ARCHITECTURES`.
        size: Side of the square input in pixels.
        batch: Number of images per step.
        device: ``'cpu'`` or ``'cuda'``.
        steps: Number of timed steps per round, after the warm-up.
        rounds: Number of rounds; each measures every method once.
        warmup: Number of steps before the timed ones.
        seed: Seed of weights and data.
        checkpoint: Weights of the encoder, or None for random ones.
        dtype: ``'float32'``, or ``'bfloat16'`` for autocast in the forward
            pass, as ``AmpPeftOptimWrapper`` does.
        compile: Whether ``torch.compile`` compiles encoder and head.
        tf32: Whether a GPU may round the inputs of float32 products to TF32.

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
    dtype: str = 'float32'
    compile: bool = False
    tf32: bool = False

    def __post_init__(self) -> None:
        check_architecture(self.arch, self.size)
        for name in ('batch', 'steps', 'rounds'):
            if getattr(self, name) < 1:
                raise ValueError(
                    f'{name}: expected 1 or more, got {getattr(self, name)}.'
                )
        if self.dtype not in DTYPES:
            raise ValueError(
                f'dtype: expected {" or ".join(DTYPES)}, got {self.dtype!r}.'
            )
        self._check_device()

    def _check_device(self) -> None:
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
        if self.tf32 and self.device != 'cuda':
            raise ValueError(
                'tf32: expected device cuda, got cpu, which has no TF32. '
                'Remove --tf32.'
            )

    @property
    def precision(self) -> str:
        """The precision of the products, in a word or three."""
        return f'{self.dtype} with TF32' if self.tf32 else self.dtype
