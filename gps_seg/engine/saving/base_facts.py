# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a config says about the pretrained weights of its base."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from gps_seg.engine.start_weights import start_of
from gps_seg.models.encoders.licences import licence_of, name_of_weights


def base_facts(config: Config) -> dict[str, str]:
    """Name of the pretrained weights, and their licence if it is known.

    It is empty if the config names no weights. A checkpoint to start from
    comes before the weights of the backbone, because it replaces them.

    Args:
        config: Config of a run.

    Example:
        >>> weights = dict(type='Pretrained', checkpoint='models/vit.pth')
        >>> model = dict(backbone=dict(init_cfg=weights))
        >>> base_facts(Config(dict(model=model)))
        {'name': 'vit.pth'}
    """
    checkpoint = start_of(config) or _of_encoder(config.get('model'))
    if not checkpoint:
        return {}
    facts = {
        'name': name_of_weights(checkpoint),
        'licence': licence_of(checkpoint),
    }
    return {key: text for key, text in facts.items() if text}


def _of_encoder(model: Any) -> str | None:
    backbone = _settings(model).get('backbone')
    places = (
        _settings(_settings(backbone).get('init_cfg')).get('checkpoint'),
        _settings(backbone).get('pretrained'),
        _settings(model).get('pretrained'),
    )
    return next((place for place in places if isinstance(place, str)), None)


def _settings(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
