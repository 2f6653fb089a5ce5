# Copyright (c) gps_seg contributors. Apache-2.0.
"""Build a model of timm without its classifier."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from torch import nn

from gps_seg.models.timm_backbone.importing import timm_library

#: Arguments of ``timm.create_model`` about files, downloads and the
#: classifier. None is a setting, so a config alone can load nothing.
NO_SETTINGS = frozenset(
    (
        *('pretrained', 'pretrained_cfg', 'pretrained_cfg_overlay'),
        *('checkpoint_path', 'cache_dir', 'num_classes', 'features_only'),
    )
)


def create(
    name: str, settings: Mapping[str, Any], **pretrained: Any
) -> nn.Module:
    """A model of timm that gives feature maps.

    Args:
        name: Name of a model, perhaps with the tag of its weights.
        settings: Further arguments of ``timm.create_model``.
        **pretrained: Its arguments about pretrained weights.

    Raises:
        ImportError: If timm is not installed.
        ValueError: If there is no such model, it does not take the settings,
            or it gives no feature maps.
    """
    check_name(name)
    if refused := NO_SETTINGS & settings.keys():
        raise ValueError(
            f'{name}: expected settings of the network, got '
            f'{", ".join(sorted(refused))}. Weights belong in init_cfg.'
        )
    try:
        model: nn.Module = timm_library().create_model(
            name, num_classes=0, **pretrained, **settings
        )
    except TypeError as error:
        raise ValueError(
            f'{name}: expected settings of this model of timm, got '
            f'{dict(settings)} ({error}). Leave out what it does not take; '
            'img_size is for models that know one size of image.'
        ) from error
    if not hasattr(model, 'forward_intermediates'):
        raise ValueError(
            f'{name}: expected a model of timm with forward_intermediates, '
            f'got {type(model).__name__}. Use another one, or the backbone '
            'TIMMBackbone of MMSegmentation.'
        )
    return model


def check_name(name: str) -> None:
    """Raise ValueError with similar names unless timm has the model.

    Args:
        name: Name of a model, perhaps with a tag.
    """
    models = timm_library().models
    architecture, _, tag = name.partition('.')
    if not models.is_model(architecture):
        known = timm_library().list_models()
        raise ValueError(_unknown(name, architecture, known))
    tags = [
        each.partition('.')[2]
        for each in timm_library().list_models(
            f'{architecture}.*', pretrained=True
        )
    ]
    if tag and tag not in tags:
        known = [f'{architecture}.{each}' for each in tags]
        raise ValueError(_unknown(name, name, known))


def _unknown(name: str, searched: str, known: list[str]) -> str:
    similar = get_close_matches(searched, known, n=4, cutoff=0.4)
    return (
        f'{name}: expected a model of timm, got an unknown name. Similar '
        f'names: {", ".join(similar or known[:4]) or "none"}. '
        'timm.list_models(pretrained=True) lists all of them.'
    )


def pruned(
    model: nn.Module, out_indices: tuple[int, ...]
) -> tuple[nn.Module, tuple[int, ...]]:
    """Take out what lies behind the last feature map.

    What does not act on the features would get no gradient.

    Args:
        model: Model of timm; changed in place.
        out_indices: Indices of blocks or stages; negative ones count from
            the end.

    Returns:
        The model and the indices, none of them negative.

    Raises:
        ValueError: If the model has no block or stage of an index.
    """
    try:
        kept = model.prune_intermediate_layers(
            list(out_indices), prune_norm=not norms_each_map(model)
        )
    except AssertionError as error:
        raise ValueError(
            f'out_indices: expected indices of the {len(model.feature_info)} '
            f'blocks or stages of {type(model).__name__}, got '
            f'{list(out_indices)}.'
        ) from error
    return model, tuple(kept)


def norms_each_map(model: nn.Module) -> bool:
    """Whether the last norm of a model fits each of its feature maps.

    The blocks of a plain ViT, which has prefix tokens or none, have one width.
    """
    return hasattr(model, 'num_prefix_tokens')
