# Copyright (c) gps_seg contributors. Apache-2.0.
"""Build a model that is ready to use from a config and a file of weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader, load_checkpoint
from mmseg.registry import DATASETS, MODELS
from torch import nn

from gps_seg.additions import is_added
from gps_seg.delta import Delta, apply, is_delta
from gps_seg.engine.checkpoint_check import attach_added, check_fits
from gps_seg.engine.hub.task_files import find_task
from gps_seg.engine.start_weights import start_of
from gps_seg.engine.training.host_execution import HostExecution
from gps_seg.models import load_strictly
from gps_seg.models.quiet_init import init_quietly
from gps_seg.sparse.state import fork_rng, seed_cpu


class ModelSize(NamedTuple):
    """Size of a model.

    Args:
        tensors: Number of parameters and buffers.
        entries: Number of entries in them.
        num_bytes: Memory that they take.
    """

    tensors: int
    entries: int
    num_bytes: int


def build_base(config: Config, seed: int | None = None) -> nn.Module:
    """Build the model with which a training run of this config begins.

    It gets the pretrained weights that the config names, then those of its
    ``load_from``. Tensors that are in neither, such as a new head, are
    random. With the seed of a run they are the ones which that run drew on a
    CPU.

    Args:
        config: Config of the model; not changed.
        seed: Seed of the run, such as ``delta.info.seed``;
            ``randomness.seed`` of the config if None. Without either, values
            are drawn from the current state of the random generators.

    Returns:
        The model on the CPU in evaluation mode, with fused attention if the
        config's ``PeftHook`` has it, ready for
        ``gps_seg.delta.apply``, ``mmseg.apis.inference_model`` and
        ``mmpretrain.ImageClassificationInferencer``.

    Example::

        delta = Delta.load('delta.safetensors')
        model = build_base(Config.fromfile('config.py'), delta.info.seed)
        apply(model, delta)
    """
    if seed is None:
        seed = (config.get('randomness') or {}).get('seed')
    if seed is None:
        return _initialised(config)
    with fork_rng():
        seed_cpu(seed)
        return _initialised(config)


def build_tuned(
    config: Config | None, weights: str | Path | None
) -> nn.Module:
    """Build a model that has been tuned to a task.

    Args:
        config: Config of the run that wrote the weights; None for the one
            that comes with a task, which is read as data.
        weights: Path of a delta or of a checkpoint of the whole model, a
            folder of ``tools/share.py``, or ``hf://OWNER/NAME[@REVISION]``;
            see :func:`~gps_seg.engine.hub.task_files.find_task`. None if the
            config's ``load_from`` is a checkpoint of the whole model.

    Returns:
        The model, see :func:`build_base`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not fit the model, or there are no weights.

    Example::

        config = Config.fromfile('config.py')
        model = build_tuned(config, 'delta.safetensors')
        result = inference_model(model, 'image.png')  # of mmseg.apis

        model = build_tuned(None, 'hf://OWNER/NAME')
    """
    if weights is None:
        return _with_start(Config() if config is None else config)
    files = find_task(weights)
    if config is None:
        config = files.read_config()
    if is_delta(files.weights):
        return _with_delta(config, Delta.load(files.weights))
    return _with_checkpoint(config, str(files.weights))


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
    init_quietly(model)
    start = start_of(config)
    if start:
        load_checkpoint(model, start, map_location='cpu')
    return model


def _build(config: Config) -> nn.Module:
    init_default_scope(config.get('default_scope') or 'mmseg')
    # A segmentor writes into its config when it is built, inference_model
    # when it is used: both get a copy.
    model = MODELS.build(copy.deepcopy(config.model))
    model = revert_sync_batchnorm(model)
    model.cfg = model._config = copy.deepcopy(config)
    _set_dataset_meta(model, _dataset_meta(config))
    HostExecution.of(config).begin(model)
    return model.eval()


def _with_delta(config: Config, delta: Delta) -> nn.Module:
    model = build_base(config, delta.info.seed)
    apply(model, delta)
    take_classes(model, delta.info.to_json())
    return model


def _with_start(config: Config) -> nn.Module:
    start = start_of(config)
    if not start:
        raise ValueError(
            'weights: expected a delta, a checkpoint, or load_from in the '
            'config, got none. A model without them has a random head: name '
            'the file.'
        )
    checkpoint = CheckpointLoader.load_checkpoint(start, map_location='cpu')
    if any(map(is_added, checkpoint.get('state_dict', checkpoint))):
        return _with_checkpoint(config, start)
    return build_base(config)


def _with_checkpoint(config: Config, path: str) -> nn.Module:
    model = _build(config)
    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    attach_added(model, checkpoint)
    check_fits(model, checkpoint)
    load_strictly(model, checkpoint.get('state_dict', checkpoint), path)
    take_classes(model, checkpoint.get('meta', {}).get('dataset_meta') or {})
    return model


def take_classes(model: nn.Module, meta: Mapping[str, Any]) -> None:
    """Give the model the classes and palette of its weights, if there are any.

    Args:
        model: Model; changed in place.
        meta: Data with ``classes`` and ``palette``, which may be missing.
    """
    if meta.get('classes'):
        palette = meta.get('palette') or ()
        _set_dataset_meta(
            model, {'classes': meta['classes'], 'palette': palette}
        )


def _set_dataset_meta(model: nn.Module, meta: dict[str, Any]) -> None:
    """Set the attributes that MMSegmentation and MMPretrain read."""
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
    # A config with other classes may still have the colours of the old ones.
    fits = len(palette) == len(classes)
    return {'classes': classes, 'palette': palette if fits else ()}
