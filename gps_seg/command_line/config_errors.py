# Copyright (c) gps_seg contributors. Apache-2.0.
"""Errors that MMEngine raises for a wrong config, in plain words.

They have the types of bugs (KeyError, TypeError, AttributeError, ...). They
are recognised by the place where they are raised: in MMEngine's registry or
config, or when the registry builds a class with the config's arguments.
"""

import inspect
import linecache
import re
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from gps_seg.command_line.plugged_in import OPENMMLAB

_ARGUMENTS = re.compile(
    r'unexpected keyword argument|required (positional|keyword-only) argument'
)
_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")
_UNKNOWN = re.compile(r'(\S+) is not in the (\S+) registry')
_MISSING = re.compile(r"'ConfigDict' object has no attribute '(\w+)'")
_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class _Place(NamedTuple):
    """A line of code that was being executed."""

    frame: FrameType
    line: int

    @property
    def file(self) -> Path:
        return Path(self.frame.f_code.co_filename)

    def is_in(self, *folders: str) -> bool:
        """Whether the file lies in all these folders, wherever they are."""
        return set(folders) <= set(self.file.parts[:-1])


def explain_config_error(error: Exception) -> str | None:
    """Explain what is wrong in a config; None for an error of another kind.

    Args:
        error: Exception with its traceback.
    """
    places = [_Place(*each) for each in traceback.walk_tb(error.__traceback__)]
    if not places:
        return None
    text = str(error.args[0]) if error.args else ''
    builders = [p for p in places if p.is_in('mmengine', 'registry')]
    if isinstance(error, KeyError) and _UNKNOWN.search(text):
        return _unknown_type(text, places[-1].frame)
    if isinstance(error, AttributeError) and (match := _MISSING.search(text)):
        return f"config: expected the key '{match[1]}', got none."
    if not builders:
        return None
    built = _class_of(builders[-1].frame)
    name = getattr(built, '__name__', str(built))
    if isinstance(error, TypeError) and (match := _UNEXPECTED.search(text)):
        return _unknown_setting(name, built, match[1])
    if places[-1] is builders[-1] or (
        isinstance(error, TypeError) and _ARGUMENTS.search(text)
    ):
        return f'config, {name}: {text}.'
    if isinstance(error, AssertionError) and _is_openmmlab(places[-1]):
        return f'config, {name}: {text or _source(places[-1])}.'
    return None


def _unknown_type(text: str, frame: FrameType) -> str:
    match = _UNKNOWN.search(text)
    assert match
    name, registry = match.groups()
    known = getattr(frame.f_locals.get('registry'), 'module_dict', {})
    close = get_close_matches(name, known, n=1)
    advice = (
        f'Did you mean {close[0]}?'
        if close
        else 'Check its spelling, or name the module that registers it in '
        'custom_imports.'
    )
    return (
        f"config: expected a type of the registry {registry}, got '{name}'. "
        f'{advice}'
    )


def _unknown_setting(name: str, built: object, setting: str) -> str:
    known = _settings(built)
    close = get_close_matches(setting, known, n=1)
    advice = f"Did you mean '{close[0]}'?" if close else _list_settings(known)
    return (
        f"config, {name}: expected a setting of it, got '{setting}'. {advice}"
    )


def _settings(built: object) -> list[str]:
    """Names of the arguments that build it, those of its bases included."""
    if not callable(built):
        return []
    makers = (
        [vars(each).get('__init__') for each in built.__mro__[:-1]]
        if isinstance(built, type)
        else [built]
    )
    names: dict[str, None] = {}
    for maker in filter(callable, makers):
        for parameter in inspect.signature(maker).parameters.values():
            if parameter.kind not in _STARRED and parameter.name != 'self':
                names[parameter.name] = None
    return list(names)


def _list_settings(names: Sequence[str]) -> str:
    return f'It has {", ".join(names)}.' if names else 'Check its spelling.'


def _class_of(frame: FrameType) -> object:
    return frame.f_locals.get('obj_cls') or frame.f_locals.get('obj_type')


def _is_openmmlab(place: _Place) -> bool:
    return any(place.is_in(package) for package in OPENMMLAB)


def _source(place: _Place) -> str:
    return linecache.getline(str(place.file), place.line).strip()
