# Copyright (c) gps_seg contributors. Apache-2.0.
"""The part of a config that builds a model and predicts, and its check.

Of a config that comes with someone else's weights, only this part is kept. It
may name known types, with numbers and words as their settings. It may name
weights by a local path, or by a name in the catalogue of an installed package.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gps_seg.engine.config.known_types import (
    SCOPES,
    is_known_dataset,
    is_known_part,
    is_known_transform,
)

#: Data loaders that a model card describes.
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
#: Keys that may hold the path of a file with weights.
WEIGHTS = ('checkpoint', 'pretrained', 'load_from')
#: Facts of a data set that a model card has.
FACTS = ('type', 'data_root', 'task', 'split', 'ann_file')
#: Keys that may hold a path.
PLACES = (*WEIGHTS, 'data_root', 'split', 'ann_file')
# Used in training only, and built from other registries than a model.
_OF_TRAINING = ('train_cfg', 'sampler', 'batch_augments')
_CATALOGUED = re.compile(
    r'(weights|timm|open-mmlab|torchvision|mmcls)://\w[\w.-]*(/\w[\w.-]*)*'
)
_ADDRESS = re.compile(r'[/\\]{2}|.*://', re.DOTALL)  # also \\host on Windows
_WORDS = re.compile(r'(\w[\w .-]*(/\w[\w .-]*)*)?')
# MMEngine's loader and others choose how to read a file by its ending.
_FILES = ('json', 'npy', 'pickle', 'pkl', 'txt', 'yaml', 'yml')
_LOCAL = (None, {}, {'backend': 'local'}, {'backend': 'disk'})
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    '_scope_': SCOPES,
    'backend_args': _LOCAL,
    'file_client_args': _LOCAL,
    'decode_backend': ('nifti', 'numpy'),  # not pickle
}


def needed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a config that is kept.

    Args:
        values: Values of the config, by name.

    Raises:
        ValueError: If there is no model, or a value is not a dictionary where
            one is needed.
    """
    kept: dict[str, Any] = {
        name: values[name]
        for name in ('default_scope', 'load_from', 'test_pipeline')
        if values.get(name) is not None
    }
    kept['model'] = _without_training(_dictionary(values, 'model'))
    for loader in LOADERS:
        if values.get(loader):
            dataset = _dictionary(_dictionary(values, loader), 'dataset')
            kept[loader] = {'dataset': _facts(dataset)}
            if loader == 'test_dataloader' and 'pipeline' in dataset:
                kept[loader]['dataset']['pipeline'] = dataset['pipeline']
    return kept


def check(kept: Mapping[str, Any]) -> None:
    """Refuse a config in which anything could run code or read a file.

    Args:
        kept: Result of :func:`needed`.

    Raises:
        ValueError: If it names an unknown type, an address or a file.
    """
    if kept.get('default_scope', SCOPES[0]) not in SCOPES:
        raise ValueError(f'default_scope {kept["default_scope"]!r}')
    scopes = _scopes(kept)
    is_part = partial(is_known_part, scopes=scopes)
    is_transform = partial(is_known_transform, scopes=scopes)
    _check_weights(kept.get('load_from'), 'load_from')
    _check_part(kept['model'], 'model', is_part)
    _check_part(kept.get('test_pipeline'), 'pipeline', is_transform)
    for loader in LOADERS:
        dataset = dict(kept.get(loader, {}).get('dataset', {}))
        pipeline = dataset.pop('pipeline', None)
        _check_part(pipeline, 'pipeline', is_transform)
        for value in _leaves(dataset):
            _check_plain(value, loader)


def _scopes(kept: Mapping[str, Any]) -> list[str]:
    """Packages that the config names, and mmseg if it has no scope."""
    heads = {str(leaf).partition('.')[0] for leaf in _leaves(kept)}
    named = [scope for scope in SCOPES if scope in heads]
    return named if 'default_scope' in kept else [*named, 'mmseg']


def is_catalogued(source: str) -> bool:
    """Whether a source of weights is a name in a catalogue of a package.

    Example:
        >>> is_catalogued('weights://vit'), is_catalogued('https://vit')
        (True, False)
    """
    return _CATALOGUED.fullmatch(source) is not None


def _dictionary(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    if not isinstance(value, dict):
        raise ValueError(f'{name} is {value!r:.60}, expected a dictionary')
    return value


def _facts(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a data set for the model card, and its classes."""
    facts = {name: dataset[name] for name in FACTS if name in dataset}
    kind = facts.get('type')
    if not isinstance(kind, str) or not is_known_dataset(kind):
        facts.pop('type', None)
    metainfo = dataset.get('metainfo')
    if isinstance(metainfo, dict):
        names = ('classes', 'palette')
        facts['metainfo'] = {n: metainfo[n] for n in names if n in metainfo}
    return facts


def _without_training(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_training(item)
            for name, item in value.items()
            if name not in _OF_TRAINING
        }
    if isinstance(value, list | tuple):
        return type(value)(map(_without_training, value))
    return value


def _check_part(value: Any, key: Any, is_known: Callable[[str], bool]) -> None:
    """Check a value of the model or of a pipeline, and everything in it."""
    if key in _CHOICES:
        if value not in _CHOICES[key]:
            raise ValueError(f'{key} {value!r:.60}')
    elif key == 'type':
        if not isinstance(value, str) or not is_known(value):
            raise ValueError(f'type {value!r:.60}')
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_key(name)
            _check_part(item, name, is_known)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_part(item, key, is_known)
    elif key in WEIGHTS:
        _check_weights(value, key)
    else:
        _check_plain(value, key)
        _check_no_file(value, key)


def _check_key(name: Any) -> None:
    """Refuse quotes: MMEngine does not escape them when it writes a config."""
    if not _WORDS.fullmatch(str(name)):
        raise ValueError(f'the key {name!r:.60}')


def _check_weights(value: Any, key: str) -> None:
    """Accept a path, which is read as data; refuse an address to fetch."""
    if not isinstance(value, str | bool | None):
        raise ValueError(f'{key} {value!r:.60}')
    if not isinstance(value, str) or is_catalogued(value):
        return
    if _ADDRESS.match(value):
        raise ValueError(
            f'{key} {value!r}, an address (download the file and name it '
            'there)'
        )


def _check_no_file(value: Any, key: Any) -> None:
    """Refuse the name of a file, which some losses and heads would read."""
    if isinstance(value, str) and (
        not _WORDS.fullmatch(value)
        or value.rpartition('.')[2].lower() in _FILES
        or (Path(value).exists() and not Path(value).is_dir())
    ):
        raise ValueError(f'{key} {value!r}')


def _check_plain(value: Any, key: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f'{key} {value!r}')
    if not isinstance(value, str | int | float | None):
        raise ValueError(f'{key} {value!r:.60}')


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value  # its keys
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
