# Copyright (c) gps_seg contributors. Apache-2.0.
"""Types that are known to be safe in a config that is read as data.

MMEngine looks up a type in its registries. If it finds none, it imports any
module of that name on Python's path. Registries also contain types that fetch
code, read pickles or write files. Known types are parts of networks, data sets
and image transforms of MMSegmentation and MMPretrain. They are looked up
without importing a module that the config names.
"""

import inspect
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import mmengine.registry.registry as mmengine_registry
from mmengine.registry import (
    DATASETS,
    MODELS,
    TRANSFORMS,
    WEIGHT_INITIALIZERS,
    Registry,
)
from torch import nn

#: Packages that are always installed: MMEngine imports ``SCOPE.registry``.
SCOPES = ('mmengine', 'mmseg', 'mmpretrain')
_NETWORKS = (
    'torch.nn.modules',
    'mmcv.cnn.bricks',
    'mmengine.utils.dl_utils.parrots_wrapper',  # SyncBN
    *(
        f'mmseg.models.{part}'
        for part in (
            *('backbones', 'data_preprocessor', 'decode_heads', 'losses'),
            *('necks', 'segmentors'),
        )
    ),
    *(
        f'mmpretrain.models.{part}'
        for part in (
            *('backbones', 'classifiers', 'heads', 'losses', 'necks'),
            'utils.data_preprocessor',
            'utils.norm',
        )
    ),
    # It takes names that timm has, and no setting about files.
    'gps_seg.models.timm_backbone',
)
# Modules that load networks and weights of other libraries by name, possibly
# from the internet, or any class by its path.
_FOREIGN = ('timm', 'timm_backbone', 'hugging_face', 'vpd', 'vqa_head')
_INITIALIZERS = ('mmengine.model.weight_init', 'gps_seg.models')
_TRANSFORMS = (
    'mmcv.transforms',
    'mmseg.datasets.transforms',
    'mmpretrain.datasets.transforms',
    'gps_seg.datasets',
)
_DATASETS = ('mmseg.datasets', 'mmpretrain.datasets', 'gps_seg.datasets')


def is_known_part(name: str, scopes: Iterable[str] = SCOPES) -> bool:
    """Whether a type is only a part of a network or an initialiser.

    Args:
        name: Name of the type, with or without ``SCOPE.`` before it.
        scopes: Packages in which MMEngine may look it up.
    """
    return _all_known(
        [
            *((kind, _is_network) for kind in _found(name, MODELS, scopes)),
            *(
                (kind, _is_initializer)
                for kind in _found(name, WEIGHT_INITIALIZERS, scopes)
            ),
        ]
    )


def is_known_transform(name: str, scopes: Iterable[str] = SCOPES) -> bool:
    """Whether a type is a transform of images; see :func:`is_known_part`."""
    found = _found(name, TRANSFORMS, scopes)
    return _all_known((kind, _is_transform) for kind in found)


def is_known_dataset(name: str) -> bool:
    """Whether a type is a data set, which has the names of its classes."""
    found = _found(name, DATASETS, SCOPES)
    return _all_known((kind, _is_dataset) for kind in found)


def _all_known(
    found: Iterable[tuple[Any, Callable[[Any], bool]]],
) -> bool:
    """Whether all are known; MMEngine may take any of them."""
    known = [check(kind) for kind, check in found]
    return bool(known) and all(known)


def _is_network(kind: Any) -> bool:
    return (
        inspect.isclass(kind)
        and issubclass(kind, nn.Module)
        and _is_below(kind, _NETWORKS)
        and kind.__module__.rpartition('.')[2] not in _FOREIGN
    )


def _is_initializer(kind: Any) -> bool:
    return inspect.isclass(kind) and _is_below(kind, _INITIALIZERS)


def _is_transform(kind: Any) -> bool:
    return inspect.isclass(kind) and _is_below(kind, _TRANSFORMS)


def _is_dataset(kind: Any) -> bool:
    return inspect.isclass(kind) and _is_below(kind, _DATASETS)


def _is_below(kind: type, modules: tuple[str, ...]) -> bool:
    return any(f'{kind.__module__}.'.startswith(f'{m}.') for m in modules)


def _found(name: str, root: Registry, scopes: Iterable[str]) -> list[Any]:
    """All objects that are registered under a name in these packages."""
    scope, dot, bare = name.rpartition('.')
    if dot and scope not in SCOPES:
        return []
    packages = [scope] if dot else scopes
    registries = [root, *(_registry(root, p) for p in packages)]
    return [
        registry.module_dict[bare]
        for registry in registries
        if bare in registry.module_dict
    ]


def _registry(root: Registry, package: str) -> Registry:
    """The registry of a package, after the package has filled it."""
    import_module(f'{package}.registry')
    registry = root.children.get(package, root)
    registry.import_from_location()
    return registry


_object_from_string = mmengine_registry.get_object_from_string


def object_of_a_module(name: str) -> Any:
    """Replacement of MMEngine's ``get_object_from_string``.

    A name without a dot can only name a module, not a class. Importing it
    would be useless, and would run any file of that name.
    """
    return _object_from_string(name) if '.' in name else None


mmengine_registry.get_object_from_string = object_of_a_module
