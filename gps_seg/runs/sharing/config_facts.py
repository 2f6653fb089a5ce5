# Copyright (c) gps_seg contributors. Apache-2.0.
"""Facts in a config about its model and its data sets."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from mmengine.config import Config

from gps_seg.datasets.own_folder.lists import SPLITS
from gps_seg.engine.config.inference import FACTS, WEIGHTS
from gps_seg.models.catalogue import DOWNLOADS
from gps_seg.models.weights import SCHEME
from gps_seg.text.markdown import code

_LOADERS = {
    'training': 'train_dataloader',
    'validation': 'val_dataloader',
    'test': 'test_dataloader',
}


def checkpoints(config: Config) -> list[str]:
    """Sources of the pretrained weights, each once."""
    kept = config.to_dict()
    found = _weights_in(
        {'model': kept['model'], 'load_from': kept.get('load_from')}
    )
    return list(dict.fromkeys(found))


def _weights_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name in WEIGHTS and isinstance(item, str):
                yield item
            else:
                yield from _weights_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _weights_in(item)


def describe_checkpoint(checkpoint: str) -> str:
    """Describe a source of weights in Markdown, with the name of its file."""
    if not checkpoint.startswith(SCHEME):
        return code(checkpoint)
    name = checkpoint.removeprefix(SCHEME)
    place = f'{code(checkpoint)}, a file {code(f"weights/{name}.safetensors")}'
    if name not in DOWNLOADS:
        return place
    # Either may have been used in the training.
    return f'{place} (if absent, the published weights of that name)'


def model_name(config: Config) -> str:
    """Short name of the model: the name of its weights, or of its class.

    Example:
        >>> weights = dict(checkpoint='weights://vit-small-p14_dinov2')
        >>> backbone = dict(type='mmpretrain.ViT', init_cfg=weights)
        >>> model_name(Config(dict(model=dict(backbone=backbone))))
        'vit-small-p14_dinov2'
    """
    for checkpoint in checkpoints(config):
        if checkpoint.startswith(SCHEME):
            return checkpoint.removeprefix(SCHEME)
    backbone = config.model.get('backbone') or {}
    kind = str(backbone.get('type') or config.model.get('type') or 'a model')
    return kind.rpartition('.')[2]


def dataset_name(config: Config) -> str:
    """Short name of the validation data: of its folder, its task or its class.

    A task from two folders has its lists in ``<task>/splits``. The name is
    empty if the config has no validation data.

    Example:
        >>> data = dict(type='PolypDataset', data_root='data/kvasir-seg')
        >>> dataset_name(Config(dict(val_dataloader=dict(dataset=data))))
        'kvasir-seg'
        >>> data = dict(type='FolderDataset', ann_file='/cats/splits/val.txt')
        >>> dataset_name(Config(dict(val_dataloader=dict(dataset=data))))
        'cats'
    """
    dataset = _dataset(config, 'val_dataloader')
    folder = PurePosixPath(str(dataset.get('data_root') or '')).name
    lists = PurePosixPath(str(dataset.get('ann_file') or '')).parent
    task = lists.parent.name if lists.name == SPLITS else ''
    kind = str(dataset.get('type') or '').rpartition('.')[2]
    return folder or task or kind.removesuffix('Dataset')


def describe_datasets(config: Config) -> dict[str, str]:
    """Describe the data for training, validation and test in Markdown."""
    found = {}
    for name, loader in _LOADERS.items():
        dataset = _dataset(config, loader)
        values = [dataset[k] for k in FACTS if dataset.get(k)]
        if values:
            found[name] = ', '.join(map(code, values))
    if found.get('test') == found.get('validation'):
        found.pop('test', None)  # the same in many configs
    return found


def _dataset(config: Config, loader: str) -> Mapping[str, Any]:
    dataset: Mapping[str, Any] = (config.get(loader) or {}).get('dataset')
    return dataset or {}
