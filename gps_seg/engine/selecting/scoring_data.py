# Copyright (c) gps_seg contributors. Apache-2.0.
"""The training data for the scoring pass.

The same seed gives the same scores. The augmentation of a sample depends only
on the seed and its index, and the order of the samples only on the seed.
Neither the number of workers nor the state of a random generator matters. The
data set is always that of the training loader.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.dataset import Compose
from mmengine.dist import get_dist_info
from torch.utils.data import DataLoader, Dataset

from gps_seg.engine.loader_copy import check_can_be_copied, like
from gps_seg.engine.selecting.even_batches import EvenBatches
from gps_seg.sparse.state import fork_rng, seed_cpu


class SeededSamples(Dataset):
    """A data set whose random augmentation depends only on the index.

    Args:
        dataset: Any map-style data set whose transforms draw from Python's,
            NumPy's or torch's global generators.
        seed: Seed of the augmentations.
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


def with_pipeline(
    loader: DataLoader, pipeline: Sequence[Mapping[str, Any]]
) -> DataLoader:
    """A loader of the same images with other transforms.

    Args:
        loader: Loader to copy.
        pipeline: Transforms that replace those of its data set.

    Raises:
        ValueError: If the data set has no ``pipeline`` to replace.
    """
    if not hasattr(loader.dataset, 'pipeline'):
        raise ValueError(
            f'pipeline: expected a data set with a pipeline, got '
            f'{type(loader.dataset).__name__} (PeftHook). Leave out the key '
            'to select with the transforms of the training.'
        )
    dataset = copy.copy(loader.dataset)
    dataset.pipeline = Compose(pipeline)
    return like(loader, 'PeftHook', dataset=dataset)


def scoring_loader(
    loader: DataLoader, seed: int, batch_size: int | None = None, view: int = 0
) -> DataLoader:
    """A seeded loader of the same data set and number of workers.

    Every process gets a share of the images, in batches of nearly the same
    size, see :class:`~gps_seg.engine.selecting.even_batches.EvenBatches`.

    Args:
        loader: The training loader; its sampler is not used.
        seed: Seed of the order and the augmentation; the same in every
            process.
        batch_size: Images per batch; None for the loader's own.
        view: Number of the view; the images and their order are the same in
            all views, their augmentation differs.

    Raises:
        ValueError: If the data set is empty or the loader cannot be copied,
            see :func:`~gps_seg.engine.loader_copy.like`.
    """
    check_can_be_copied(loader, 'PeftHook')
    if len(loader.dataset) == 0:
        raise ValueError(
            'train_dataloader: expected images for the selection, got an '
            f'empty {type(loader.dataset).__name__} (PeftHook). Check '
            'data_root and ann_file.'
        )
    draws = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(loader.dataset), generator=draws).tolist()
    largest = batch_size or loader.batch_size
    return like(
        loader,
        'PeftHook',
        dataset=SeededSamples(loader.dataset, seed + (view << 20)),
        batch_sampler=EvenBatches(order, largest, *get_dist_info()),
        batch_size=1,  # a batch sampler requires the default
        sampler=None,
        drop_last=False,
        persistent_workers=False,
    )
