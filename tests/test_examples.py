# Copyright (c) gps_seg contributors. Apache-2.0.
"""Examples in docstrings: every name that a package exports shows its use.

The runnable ones are doctests, which pytest collects from all of ``gps_seg``.
A class that configs name shows a piece of a config instead.
"""

import importlib
import inspect
import re
import textwrap

import pytest
from docstrings import is_checked

FACES = [
    'gps_seg',
    'gps_seg.sparse',
    'gps_seg.peft',
    'gps_seg.delta',
    'gps_seg.files',
    'gps_seg.text',
    'gps_seg.datasets',
    'gps_seg.evaluation',
    'gps_seg.models',
    'gps_seg.visualization',
    'gps_seg.export',
    'gps_seg.engine',
    'gps_seg.benchmark',
]


def exported(face: str) -> dict[str, object]:
    """Return the classes and functions that a package exports."""
    module = importlib.import_module(face)
    named = {
        name: getattr(module, name) for name in getattr(module, '__all__', ())
    }
    return {
        name: value
        for name, value in named.items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }


def config_examples(text: str) -> str:
    """Return the literal block below ``Example::``, empty without one."""
    match = re.search(r'^Example::\n((?:\n|    .*\n?)+)', text, re.MULTILINE)
    return textwrap.dedent(match[1]).strip() if match else ''


@pytest.mark.parametrize('face', FACES)
def test_each_export_shows_an_example(face):
    missing = [
        f'{value.__module__}.{name}'
        for name, value in exported(face).items()
        if is_checked(value.__module__.replace('.', '/'))
        and not {'Example:', 'Examples:', 'Example::'}
        & set((inspect.getdoc(value) or '').splitlines())
    ]
    assert missing == []


def accepted_keys(kind: type) -> set[str]:
    """Return the keyword arguments of a class, along with its bases'."""
    keys: set[str] = set()
    for base in kind.__mro__:
        if '__init__' in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            keys |= set(parameters)
            if 'kwargs' not in parameters:
                break
    return keys


def settings_of(kind: str, config: object) -> list[dict]:
    """Return all dictionaries with a type, however deep in a config."""
    if isinstance(config, dict):
        own = [config] if config.get('type') == kind else []
        return own + settings_of(kind, list(config.values()))
    if isinstance(config, list | tuple):
        return [found for item in config for found in settings_of(kind, item)]
    return []


@pytest.mark.parametrize('face', FACES)
def test_examples_of_configs_use_keys_that_the_class_accepts(face):
    from mmengine.config import Config

    for name, value in exported(face).items():
        example = config_examples(inspect.getdoc(value) or '')
        if example:
            config = Config.fromstring(example, '.py').to_dict()
            given = settings_of(name, config)
            assert given, f'{name}: {example}'
            for settings in given:
                assert set(settings) - {'type'} <= accepted_keys(value), name


def test_an_unknown_key_of_an_example_is_seen():
    class Base:
        def __init__(self, split):
            pass

    class Child(Base):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)

    doc = 'A set.\n\nExample::\n\n    sets = [dict(type="Child", size=1)]\n'
    assert config_examples(doc) == 'sets = [dict(type="Child", size=1)]'
    assert accepted_keys(Child) >= {'size', 'split'}
    assert 'length' not in accepted_keys(Child)
    assert settings_of('Child', {'a': [{'type': 'Child'}]}) == [
        {'type': 'Child'}
    ]
