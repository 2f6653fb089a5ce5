# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a metric reads of a sample and of a data set, checked."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor


def image_path(sample: Mapping[str, Any]) -> str:
    """Path of the image of a sample; empty if unknown."""
    return str(sample.get('img_path', ''))


@contextmanager
def naming(img_path: str) -> Iterator[None]:
    """Put the path of the image before the message of a ValueError."""
    try:
        yield
    except ValueError as error:
        where = img_path or 'image without a path'
        raise ValueError(f'{where}: {error}') from error


def label_map(
    sample: Mapping[str, Any], key: str
) -> Tensor:  # shape: (height, width)
    """Label map ``key`` of a sample, without its channel of size 1.

    Raises:
        ValueError: If the sample has no such map.
    """
    if key not in sample:
        raise ValueError(
            f'{key}: expected a label map, got none. Load the annotations in '
            'the pipeline, and evaluate only images that have a mask.'
        )
    labels: Tensor = sample[key]['data']
    if labels.ndim == 3 and labels.shape[0] == 1:
        return labels[0]
    return labels


def class_names(dataset_meta: Mapping[str, Any] | None) -> Sequence[str]:
    """Names of the classes of a data set, in the order of their labels.

    Raises:
        RuntimeError: If the data set declares no classes.
    """
    names: Sequence[str] | None = (dataset_meta or {}).get('classes')
    if not names:
        raise RuntimeError(
            'dataset_meta: expected the names of the classes, got '
            f'{dataset_meta!r}. Set METAINFO of the data set, or '
            '`dataset_meta` of the metric before the evaluation.'
        )
    return names
