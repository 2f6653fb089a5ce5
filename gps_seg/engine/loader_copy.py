# Copyright (c) gps_seg contributors. Apache-2.0.
"""A copy of a data loader with some settings changed."""

from typing import Any

from torch.utils.data import DataLoader, IterableDataset


def check_can_be_copied(loader: DataLoader[Any], asker: str) -> None:
    """Raise ValueError unless a loader batches samples of a map-style set.

    Args:
        loader: Loader of a training.
        asker: Name of the feature that needs the copy, for the error.
    """
    if isinstance(loader.dataset, IterableDataset):
        raise ValueError(
            'train_dataloader: expected a data set with __getitem__ and '
            '__len__, so that each sample can be seeded, got '
            f'{type(loader.dataset).__name__}, an IterableDataset ({asker}).'
        )
    if loader.batch_size is None:
        raise ValueError(
            'train_dataloader: expected a batch_size, got a loader with its '
            f'own batch sampler ({asker}). Give batch_size and sampler.'
        )


def like(
    loader: DataLoader[Any], asker: str, **changes: Any
) -> DataLoader[Any]:
    """A new loader with the settings of ``loader``, some of them changed.

    The generator is not copied: a pass over the copy would then change the
    next pass over the loader.

    Args:
        loader: Loader of a training; its iterators and workers are not
            touched.
        asker: Name of the feature that needs the copy, for the error.
        **changes: Arguments of ``DataLoader`` that differ from the loader's.

    Raises:
        ValueError: If the loader cannot be copied, see
            :func:`check_can_be_copied`.
    """
    check_can_be_copied(loader, asker)
    settings: dict[str, Any] = dict(
        dataset=loader.dataset,
        batch_size=loader.batch_size,
        sampler=loader.sampler,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=loader.drop_last,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )
    return DataLoader(**settings | changes)
