# Copyright (c) gps_seg contributors. Apache-2.0.
"""Types that a config may name which is read as data.

MMEngine looks a type up in its registries and, where it finds none, imports a
module by that name: any that lies on Python's path. A registry also holds what
fetches code, reads pickles or writes files. Known types are found without an
import that the text chooses, and are parts of networks, data sets and image
transforms of MMSegmentation and MMPretrain.
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

#: Packages that are always there: MMEngine imports ``SCOPE.registry``.
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
)
# They get networks and weights of other libraries by name, from the network
# too, or any class by its path.
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
    """Whether it is a part of a network, or a way to fill it, and no more.

    Args:
        name: Type, perhaps with its scope before it and a dot.
        scopes: Packages that the config names, where it may be looked up.
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
    """Whether it is a transform of images; see :func:`is_known_part`."""
    found = _found(name, TRANSFORMS, scopes)
    return _all_known((kind, _is_transform) for kind in found)


def is_known_dataset(name: str) -> bool:
    """Whether it is a data set, which has the names of its classes."""
    found = _found(name, DATASETS, SCOPES)
    return _all_known((kind, _is_dataset) for kind in found)


def _all_known(
    found: Iterable[tuple[Any, Callable[[Any], bool]]],
) -> bool:
    """Which of them MMEngine takes depends on who asks: so all must be."""
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
    """All that is registered under a name, in any of the packages."""
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
    """That of a package, with what the package registers."""
    import_module(f'{package}.registry')
    registry = root.children.get(package, root)
    registry.import_from_location()
    return registry


_object_from_string = mmengine_registry.get_object_from_string


def object_of_a_module(name: str) -> Any:
    """In the place of MMEngine's ``get_object_from_string``.

    A name without a dot is that of a module, never of a class in one: to
    import it serves nobody, and runs whatever file has that name.
    """
    return _object_from_string(name) if '.' in name else None


mmengine_registry.get_object_from_string = object_of_a_module
