# Copyright (c) gps_seg contributors. Apache-2.0.
"""The library's configuration of a tuner, from plain settings and back."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from gps_seg.additions.peft_library.importing import peft_library

#: Name of the only module that a tuner is built on.
TARGET = 'map'

_SHARES = 'its layers share tensors, and here each stands alone'

#: Tuners that are no layer at a linear map, or would run without being what
#: their name says -> why.
_REFUSED: Mapping[str, str] = {
    'adalora': 'its ranks are chosen by calls in the training loop',
    'adaption_prompt': 'it changes the attention of language models',
    'lily': _SHARES,
    'ln_tuning': 'it trains a copy of the module; norms can train in place',
    'poly': 'it needs the number of a task with each batch',
    'shadow': 'it is a second network beside the model',
    'trainable_tokens': 'it is for the rows of embeddings',
}

_MOVES = 'they change the weight of the encoder, which is frozen'

#: Initial values of LoRA that cannot be used -> why.
_STARTS: Mapping[str, str] = {
    'pissa': _MOVES,
    'olora': _MOVES,
    'loftq': _MOVES,
    'corda': _MOVES,
    'lora_ga': _MOVES,
    'eva': 'the library sets them later, in a pass over data',
}

#: Settings that say where tuners are, or train what is there.
_OF_THE_MODEL = (
    'target_modules',
    'exclude_modules',
    'modules_to_save',
    'layers_to_transform',
    'layers_pattern',
    'target_parameters',
    'layer_replication',
    'trainable_token_indices',
    'rank_pattern',
    'alpha_pattern',
    'feedforward_modules',
    'bias',
)


def configuration(peft_type: str, settings: Mapping[str, Any]) -> Any:
    """A configuration of the library, for one linear map.

    Args:
        peft_type: Name of the tuner in the library, in lower case.
        settings: Fields of its configuration.

    Raises:
        ImportError: If the library is not installed.
        ValueError: If there is no such tuner or field, or a value is wrong,
            or the tuner cannot stand alone at a map.
    """
    config_class = _config_class(peft_type)
    _check(peft_type, config_class, settings)
    places: dict[str, Any] = {'target_modules': [TARGET]}
    if 'feedforward_modules' in _init_names(config_class):
        places['feedforward_modules'] = []
    try:
        return config_class(**settings, **places)
    except (TypeError, ValueError, RuntimeError, ImportError) as error:
        raise ValueError(f'peft, {peft_type}: {error}') from None


def all_settings(
    peft_type: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings with the library's present defaults, as plain data.

    A file with them does not change its meaning with a later version that has
    other defaults.

    Raises:
        ImportError: See :func:`configuration`.
        ValueError: See :func:`configuration`.
    """
    config = configuration(peft_type, settings)
    used = {
        name: getattr(config, name)
        for name in sorted(_own_names(type(config)))
        if _is_scalar(getattr(config, name))
    }
    try:
        plain: dict[str, Any] = json.loads(json.dumps({**used, **settings}))
    except TypeError as error:
        raise ValueError(
            f'peft, {peft_type}: expected settings of plain data, as a file '
            f'keeps them, got {dict(settings)} ({error}).'
        ) from None
    return plain


def _config_class(peft_type: str) -> Any:
    """The configuration class of a tuner.

    Raises:
        ValueError: If it cannot be used, or there is no such tuner.
    """
    mapping = peft_library().mapping
    classes = mapping.PEFT_TYPE_TO_CONFIG_MAPPING
    tuners = {
        kind.value.lower(): tuner
        for kind, tuner in mapping.PEFT_TYPE_TO_TUNER_MAPPING.items()
        if 'target_modules' in _init_names(classes[kind])
    }
    refused = dict(_REFUSED) | {
        name: _SHARES
        for name, tuner in tuners.items()
        if getattr(tuner, 'uses_shared_state', False)
    }
    if peft_type in tuners and peft_type not in refused:
        return classes[peft_type.upper()]
    reason = f' ({refused[peft_type]})' if peft_type in refused else ''
    raise ValueError(
        f'peft_type: expected one of {sorted(tuners.keys() - refused)}, got '
        f'{peft_type!r}{reason}.'
    )


def _check(
    peft_type: str, config_class: Any, settings: Mapping[str, Any]
) -> None:
    own = _own_names(config_class)
    unknown = sorted(settings.keys() - own)
    if unknown:
        raise ValueError(
            f'peft, {peft_type}: expected settings among {sorted(own)}, got '
            f"{unknown}. Places are given by 'on'."
        )
    given = settings.get('init_lora_weights')
    for start, reason in _STARTS.items():
        if isinstance(given, str) and given.lower().startswith(start):
            raise ValueError(
                "init_lora_weights: expected True, 'gaussian', 'orthogonal' "
                f"or 'mica', got {given!r}: {reason}."
            )


def _own_names(config_class: Any) -> set[str]:
    """The fields that are settings of a tuner at one map."""
    common = _init_names(peft_library().PeftConfig)
    return _init_names(config_class) - common - set(_OF_THE_MODEL)


def _init_names(config_class: Any) -> set[str]:
    return {field.name for field in fields(config_class) if field.init}


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)
