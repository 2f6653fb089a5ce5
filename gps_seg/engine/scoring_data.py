# Copyright (c) gps_seg contributors. Apache-2.0.
"""The training data as the gradient pass sees it.

Same seed, same scores: the augmentation of a sample is a function of the seed
and of its index alone, and the order of the samples of the seed, so neither
the number of workers nor the state of any generator matters. The data set is
that of the training loader and no other.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dataset import Compose, DefaultSampler
from torch.utils.data import DataLoader, Dataset

from gps_seg.sparse import fork_rng, seed_cpu


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


def with_pipeline(
    loader: DataLoader, pipeline: Sequence[Mapping[str, Any]]
) -> DataLoader:
    """A loader of the same images, otherwise transformed.

    Raises:
        ValueError: If the data set has no ``pipeline`` to take the place of.
    """
    if not hasattr(loader.dataset, 'pipeline'):
        raise ValueError(
            f'pipeline: expected a data set with a pipeline, got '
            f'{type(loader.dataset).__name__} (PeftHook). Leave the key out '
            'to select on the images as they are trained on.'
        )
    dataset = copy.copy(loader.dataset)
    dataset.pipeline = Compose(pipeline)
    return DataLoader(
        dataset,
        batch_size=loader.batch_size,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        multiprocessing_context=loader.multiprocessing_context,
    )


def scoring_loader(
    loader: DataLoader, seed: int, batch_size: int | None = None, view: int = 0
) -> DataLoader:
    """A loader of the same data set and workers, seeded.

    Args:
        loader: The training loader; its sampler is not used.
        seed: Of the order and the augmentation.
        batch_size: Images per batch, or None for the loader's own.
        view: Loaders of other views give the same images in the same order,
            otherwise augmented.

    Raises:
        ValueError: If the loader has no batch size.
    """
    if loader.batch_size is None:
        raise ValueError(
            'train_dataloader: expected a batch_size, got a loader with a '
            'batch sampler of its own. Give batch_size and sampler.'
        )
    batch_size = batch_size or loader.batch_size
    return DataLoader(
        SeededSamples(loader.dataset, seed + (view << 20)),
        batch_size=batch_size,
        sampler=DefaultSampler(loader.dataset, shuffle=True, seed=seed),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=len(loader.dataset) >= batch_size,
        multiprocessing_context=loader.multiprocessing_context,
    )
