# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rates by name, as MMEngine reads them, with the encoder's multiplied.

MMEngine uses one key for a parameter, the longest that its name contains. So
a key of the encoder would take the place of shorter ones, such as ``norm``,
and have no effect where a longer one matches, such as
``relative_position_bias_table``. Parameters of which that is true get keys of
their own: their names.
"""

from collections.abc import Iterable, Mapping
from typing import Any

_Keys = Mapping[str, Mapping[str, Any]]


def keys_with_rate(
    keys: _Keys, encoder: str, rate: float, names: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """The ``custom_keys`` by which the encoder learns at another rate.

    All else is as before: the decay of every parameter, and the rates outside
    the encoder.

    Args:
        keys: ``custom_keys`` of a config.
        encoder: Name of the encoder.
        rate: Multiplier of its learning rates.
        names: Names of all parameters of the model.

    Example:
        >>> names = ['backbone.fc.weight', 'backbone.norm.weight']
        >>> keys_with_rate({}, 'backbone', 3, names)
        {'backbone': {'lr_mult': 3.0}}
        >>> keys = {'norm': {'decay_mult': 0.0}}
        >>> keys_with_rate(keys, 'backbone', 3, names)['backbone.norm.weight']
        {'decay_mult': 0.0, 'lr_mult': 3.0}
    """
    wanted = {name: dict(_settings_of(name, keys)) for name in names}
    for name, settings in wanted.items():
        if name.startswith(f'{encoder}.'):
            wanted[name] = _multiplied(settings, rate)
    own = {key: dict(settings) for key, settings in keys.items()}
    own[encoder] = _multiplied(own.get(encoder, {}), rate)
    # A name may be part of others, which then need keys of their own as well.
    while wrong := _wrong_names(own, wanted):
        own |= {name: wanted[name] for name in wrong}
    return own


def _wrong_names(keys: _Keys, wanted: _Keys) -> list[str]:
    """Names of the parameters whose settings are not those wanted."""
    return [
        name
        for name, settings in wanted.items()
        if _complete(_settings_of(name, keys)) != _complete(settings)
    ]


def _settings_of(name: str, keys: _Keys) -> Mapping[str, Any]:
    """Settings of the key that MMEngine uses; empty if none matches."""
    by_length = sorted(sorted(keys), key=len, reverse=True)
    key = next((key for key in by_length if key in name), None)
    return {} if key is None else keys[key]


def _complete(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {'lr_mult': 1.0, 'decay_mult': 1.0, **settings}


def _multiplied(settings: Mapping[str, Any], rate: float) -> dict[str, Any]:
    # MMEngine writes other settings into the group, over what it computed.
    key = 'lr' if 'lr' in settings else 'lr_mult'
    return {**settings, key: settings.get(key, 1.0) * rate}
