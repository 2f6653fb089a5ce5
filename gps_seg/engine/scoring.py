# Copyright (c) gps_seg contributors. Apache-2.0.
"""The gradient pass over the training data.

Same seed, same scores: the augmentation of a sample is a function of the seed
and of its index alone, and the order of the samples of the seed, so neither
the number of workers nor the state of any generator matters. The pass reads
the data set of the training loader and no other.
"""

import logging
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import nullcontext
from datetime import timedelta
from itertools import islice
from typing import Any

import torch
from mmengine.dataset import DefaultSampler
from mmengine.dist import all_reduce
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from gps_seg.sparse import (
    RunningScores,
    fork_rng,
    running_scores,
    seed_all,
    seed_cpu,
    undisturbed,
)

LOG_SECONDS = 15


class SeededSamples(Dataset):
    """A data set whose random augmentation depends on the index alone.

    Args:
        dataset: Any map-style data set whose transforms draw from Python's,
            NumPy's or torch's global generators.
        seed: With another seed come other augmentations.
    """

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        with fork_rng():
            seed_cpu(self.seed * 1_000_003 + index)
            return self.dataset[index]


class LossTap:
    """Stands in for the optim wrapper in ``train_step`` and takes the loss.

    So the loss is the one that training minimises, of any model that follows
    MMEngine's ``BaseModel.train_step``, and nothing is updated.
    """

    loss: Tensor

    def optim_context(self, model: nn.Module) -> nullcontext:
        """No mixed precision: scores are float32 whatever training is."""
        return nullcontext()

    def update_params(self, loss: Tensor) -> None:
        """Keep the loss instead of stepping."""
        self.loss = loss


def scoring_loader(loader: DataLoader, seed: int) -> DataLoader:
    """A loader of the same data set, batch size and workers, seeded."""
    if loader.batch_size is None:
        raise ValueError(
            'train_dataloader: expected a batch_size, got a loader with a '
            'batch sampler of its own. Give batch_size and sampler.'
        )
    return DataLoader(
        SeededSamples(loader.dataset, seed),
        batch_size=loader.batch_size,
        sampler=DefaultSampler(loader.dataset, shuffle=True, seed=seed),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=len(loader.dataset) >= loader.batch_size,
        multiprocessing_context=loader.multiprocessing_context,
    )


def training_losses(
    model: nn.Module, loader: DataLoader, num_batches: int
) -> Iterator[Tensor]:
    """The training loss of one batch after another, with progress logged."""
    tap, start = LossTap(), time.monotonic()
    logged = start
    for done, batch in enumerate(islice(loader, num_batches), start=1):
        model.train_step(batch, tap)
        yield tap.loss
        now = time.monotonic()
        if now - logged >= LOG_SECONDS or done == num_batches:
            logged = now
            left = (now - start) / done * (num_batches - done)
            print_log(
                f'Scoring: batch {done}/{num_batches}, '
                f'left {timedelta(seconds=round(left))}, '
                f'loss {tap.loss.item():.4f}',
                logger='current',
                level=logging.INFO,
            )


def score_on_training_data(
    model: nn.Module,
    weights: Mapping[str, nn.Parameter],
    loader: DataLoader,
    seed: int,
    max_batches: int | None,
) -> Generator[RunningScores, None, None]:
    """``|sum dL/dW|`` over the training data, in float32, of each weight.

    Given each time the data seen has doubled, and at the end.

    The model runs in training mode, as it will when the weights move, and is
    left as it was found (see :func:`gps_seg.sparse.undisturbed`). With several
    processes each scores its share and the signed sums are added up.

    Args:
        model: MMEngine model, not wrapped for distribution.
        weights: Weights to score, by name.
        loader: The training loader; its data set, batch size and workers are
            used, its sampler is not.
        seed: Of the order, the augmentation and the dropout.
        max_batches: Upper bound of batches per process, or None for one epoch.
    """
    batches = scoring_loader(loader, seed)
    num_batches = len(batches)
    if max_batches is not None:
        num_batches = min(num_batches, max_batches)
    with undisturbed(model), torch.enable_grad():
        seed_all(seed)
        model.train()
        model.requires_grad_(False)
        for weight in weights.values():
            weight.requires_grad_(True)
        yield from running_scores(
            weights,
            training_losses(model, batches, num_batches),
            reduce=all_reduce,
        )
