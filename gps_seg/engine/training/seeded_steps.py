# Copyright (c) gps_seg contributors. Apache-2.0.
"""Training whose randomness depends only on the seed and the step.

MMEngine draws augmentation, dropout and drop path from generators whose state
depends on everything that ran before: the number of workers, the number of
validations, whether the run was stopped and resumed. Here the n-th sample of
a process is drawn from generators seeded by (seed, process, epoch, n), and
the i-th iteration uses generators seeded by (seed, process, i). No state needs
to be saved, and a resumed run continues as if it had never been stopped.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset, Sampler

from gps_seg.engine.loader_copy import like
from gps_seg.sparse.state import fork_rng, seed_all, seed_cpu


def derived_seed(*parts: int) -> int:
    """A seed below ``2 ** 32`` from several numbers.

    Example:
        >>> derived_seed(0, 1) == derived_seed(0, 1) != derived_seed(1, 0)
        True
    """
    text = ' '.join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest())


class Draw(NamedTuple):
    """A loader's request for a sample.

    Args:
        epoch: Epoch of the sampler.
        number: Number of earlier requests in this epoch.
        index: Position of the sample in the data set.
    """

    epoch: int
    number: int
    index: int


class NumberedSampler(Sampler[Draw]):
    """The indices of another sampler, numbered.

    Args:
        sampler: Sampler of indices.
    """

    def __init__(self, sampler: Any) -> None:
        self._sampler = sampler
        self._epoch = 0
        self._number = 0

    def __iter__(self) -> Iterator[Draw]:
        for index in self._sampler:
            draw = Draw(self._epoch, self._number, index)
            self._number += 1
            yield draw

    def __len__(self) -> int:
        return len(self._sampler)

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch; called by ``DistSamplerSeedHook``."""
        self._epoch, self._number = epoch, 0
        if hasattr(self._sampler, 'set_epoch'):
            self._sampler.set_epoch(epoch)

    @property
    def skip(self) -> Any:
        """Function that goes to a position; exists if the sampler has one."""
        skip = self._sampler.skip

        def go_to(number: int) -> None:
            skip(number)
            self._number = number

        return go_to


class NumberedSamples(Dataset[Any]):
    """A data set that is indexed by a :class:`Draw`, which also seeds it.

    Args:
        dataset: Map-style data set whose transforms draw from Python's,
            NumPy's or torch's global generators.
        seed: Seed of the run.
        rank: Rank of the process.
    """

    def __init__(self, dataset: Any, seed: int, rank: int) -> None:
        self.dataset = dataset
        self.seed = seed
        self.rank = rank

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draw: Draw) -> Any:
        epoch, number, index = draw
        with fork_rng():
            seed_cpu(derived_seed(self.seed, self.rank, epoch, number))
            return self.dataset[index]

    @property
    def metainfo(self) -> dict[str, Any]:
        """Classes and palette, which the runner reads."""
        metainfo: dict[str, Any] = self.dataset.metainfo
        return metainfo


def numbered_loader(
    loader: DataLoader[Any], seed: int, rank: int
) -> DataLoader[Any]:
    """The same loader with samples that are seeded by their number.

    Args:
        loader: Loader to copy.
        seed: Seed of the run.
        rank: Rank of the process.

    Raises:
        ValueError: If the loader cannot be copied, see
            :func:`gps_seg.engine.loader_copy.like`.
    """
    return like(
        loader,
        'SeededStepsHook',
        dataset=NumberedSamples(loader.dataset, seed, rank),
        sampler=NumberedSampler(loader.sampler),
        # By default the loader seeds its workers from the global generator.
        generator=torch.Generator().manual_seed(seed % 2**32),
    )


@HOOKS.register_module()
class SeededStepsHook(Hook):
    """Let the randomness of a step depend only on the seed and the step.

    A run then does not depend on the number of workers, nor on when it was
    validated, stopped or resumed. Its random numbers differ from those of the
    same run without the hook.

    Example::

        custom_hooks = [dict(type='SeededStepsHook')]
    """

    def before_train(self, runner: Runner) -> None:
        """Number the samples of the training loader."""
        loop = runner.train_loop
        loop.dataloader = numbered_loader(
            loop.dataloader, runner.seed, get_rank()
        )
        if hasattr(loop, 'dataloader_iterator'):
            kind = type(loop.dataloader_iterator)
            loop.dataloader_iterator = kind(loop.dataloader)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Seed everything that draws in this iteration, such as dropout."""
        seed_all(derived_seed(runner.seed, get_rank(), runner.iter))
