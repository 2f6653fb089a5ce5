# Copyright (c) gps_seg contributors. Apache-2.0.
"""From a config and a file of weights to a model that is ready to use."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader, load_checkpoint
from mmseg.registry import DATASETS, MODELS
from torch import nn

from gps_seg.delta import Delta, apply, is_delta
from gps_seg.engine.checkpoint_check import check_fits
from gps_seg.engine.start_weights import start_of
from gps_seg.models import load_strictly
from gps_seg.sparse.state import fork_rng, seed_cpu


class ModelSize(NamedTuple):
    """How much a model is.

    Args:
        tensors: Number of parameters and buffers.
        entries: Number of entries in them.
        num_bytes: Memory that they take.
    """

    tensors: int
    entries: int
    num_bytes: int


def build_base(config: Config, seed: int | None = None) -> nn.Module:
    """The model that a training run with this config begins with.

    It has the pretrained weights that the config names, then those of its
    ``load_from``. What neither of them has, such as a head, is random: with
    the seed of a run it is what that run drew on a CPU.

    Args:
        config: Left as it is.
        seed: Seed of the run, such as ``delta.info.seed``;
            ``randomness.seed`` of the config if None. With neither, values
            are drawn from the generators as they are.

    Returns:
        On the CPU, in evaluation mode, ready for ``gps_seg.delta.apply``,
        and for ``mmseg.apis.inference_model`` or
        ``mmpretrain.ImageClassificationInferencer``.
    """
    if seed is None:
        seed = (config.get('randomness') or {}).get('seed')
    if seed is None:
        return _initialised(config)
    with fork_rng():
        seed_cpu(seed)
        return _initialised(config)


def build_tuned(config: Config, weights: str | Path | None) -> nn.Module:
    """The model that has been tuned to a task.

    Args:
        config: Config that the weights were made with.
        weights: A delta, a checkpoint of the whole model, or None where the
            config's ``load_from`` is such a checkpoint.

    Returns:
        As :func:`build_base`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not fit the model, or there are no weights.
    """
    if weights is None:
        if not start_of(config):
            raise ValueError(
                'weights: expected a delta, a checkpoint, or load_from in '
                'the config, got none. A model without them has a random '
                'head: name the file.'
            )
        return build_base(config)
    if is_delta(weights):
        return _with_delta(config, Delta.load(weights))
    return _with_checkpoint(config, str(weights))


def size_of(config: Config) -> ModelSize:
    """Size of the config's model; no weights are loaded."""
    tensors = _build(config).state_dict().values()
    return ModelSize(
        tensors=len(tensors),
        entries=sum(tensor.numel() for tensor in tensors),
        num_bytes=sum(t.numel() * t.element_size() for t in tensors),
    )


def _initialised(config: Config) -> nn.Module:
    model = _build(config)
    with _without_a_line_per_tensor():
        model.init_weights()
    start = start_of(config)
    if start:
        load_checkpoint(model, start, map_location='cpu')
    return model


def _build(config: Config) -> nn.Module:
    init_default_scope(config.get('default_scope') or 'mmseg')
    # Of copies: a segmentor writes into its config when it is built, and
    # inference_model does when it is used.
    model = MODELS.build(copy.deepcopy(config.model))
    model = revert_sync_batchnorm(model)
    model.cfg = model._config = copy.deepcopy(config)
    _set_dataset_meta(model, _dataset_meta(config))
    return model.eval()


def _with_delta(config: Config, delta: Delta) -> nn.Module:
    model = build_base(config, delta.info.seed)
    apply(model, delta)
    tell_classes(model, delta.info.to_json())
    return model


def _with_checkpoint(config: Config, path: str) -> nn.Module:
    model = _build(config)
    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    check_fits(model, checkpoint)
    load_strictly(model, checkpoint.get('state_dict', checkpoint), path)
    tell_classes(model, checkpoint.get('meta', {}).get('dataset_meta') or {})
    return model


def tell_classes(model: nn.Module, meta: Mapping[str, Any]) -> None:
    """Classes and palette, if the weights know them better than the config."""
    if meta.get('classes'):
        palette = meta.get('palette') or ()
        _set_dataset_meta(
            model, {'classes': meta['classes'], 'palette': palette}
        )


def _set_dataset_meta(model: nn.Module, meta: dict[str, Any]) -> None:
    """Under the names where MMSegmentation and MMPretrain look for it."""
    model.dataset_meta = meta
    # MMPretrain would look up a label in an empty list.
    model._dataset_meta = meta | {'classes': meta['classes'] or None}


def _dataset_meta(config: Config) -> dict[str, Any]:
    """Classes and palette of the data set that the config tests on."""
    dataset = (config.get('test_dataloader') or {}).get('dataset') or {}
    kind = None
    if 'type' in dataset:
        # mmseg's registry does not know the data sets of other packages.
        with DATASETS.switch_scope_and_registry(None) as registry:
            kind = registry.get(dataset['type'])
    meta = {**getattr(kind, 'METAINFO', {}), **dataset.get('metainfo', {})}
    classes, palette = meta.get('classes', ()), meta.get('palette', ())
    # A config that names other classes may leave the colours of the old.
    fits = len(palette) == len(classes)
    return {'classes': classes, 'palette': palette if fits else ()}


@contextmanager
def _without_a_line_per_tensor() -> Iterator[None]:
    """Silence the report that MMEngine gives of every tensor it fills."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
