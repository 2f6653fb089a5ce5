# Copyright (c) gps_seg contributors. Apache-2.0.
"""Examples in docstrings: every name that a package exports shows its use.

Runnable examples are doctests, which pytest collects from all of ``gps_seg``.
A literal block stands for what needs a model, data or a config; its calls and
its settings must fit the signature.
"""

import ast
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
HEADINGS = {'Example:', 'Examples:', 'Example::'}


def exported(face: str) -> dict[str, type]:
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


@pytest.mark.parametrize('face', FACES)
def test_each_export_shows_an_example(face):
    missing = [
        f'{value.__module__}.{name}'
        for name, value in exported(face).items()
        if is_checked(value.__module__.replace('.', '/') + '.py')
        and not HEADINGS & set((inspect.getdoc(value) or '').splitlines())
    ]
    assert missing == []


def literal_example(text: str) -> str:
    """Return the block below ``Example::``, empty without one."""
    match = re.search(r'^Example::\n((?:\n|    .*\n?)+)', text, re.MULTILINE)
    return textwrap.dedent(match[1]).strip() if match else ''


def registered_names(value: object) -> set[str]:
    """Return the names under which configs find a class."""
    from mmengine import registry

    roots = [
        each
        for each in vars(registry).values()
        if isinstance(each, registry.Registry)
    ]
    return {
        name
        for root in roots
        for each in (root, *root.children.values())
        for name, found in each.module_dict.items()
        if found is value
    }


def keys_given(example: str, names: set[str]) -> list[set[str]]:
    """Return the keywords of each call of a name, and of each such dict."""
    given = []
    for call in ast.walk(ast.parse(example)):
        if not isinstance(call, ast.Call):
            continue
        keys = {str(keyword.arg) for keyword in call.keywords}
        called = ast.unparse(call.func).split('.')[0]
        kinds = {k.value for k in call.keywords if k.arg == 'type'}
        types = {getattr(kind, 'value', None) for kind in kinds}
        if called in names:
            given.append(keys)
        elif called == 'dict' and types & names:
            given.append(keys - {'type'})
    return given


def accepted_keys(value: type) -> set[str]:
    """Return the arguments of a function, or of a class and its bases."""
    if not inspect.isclass(value):
        return set(inspect.signature(value).parameters)
    keys: set[str] = set()
    for base in value.__mro__:
        if '__init__' in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            keys |= set(parameters)
            if 'kwargs' not in parameters:
                break
    return keys


def example_faults(value: type, text: str) -> list[str]:
    example = literal_example(text)
    if not example:
        return []
    given = keys_given(example, {value.__name__, *registered_names(value)})
    unknown = set().union(*given) - accepted_keys(value)
    return sorted(unknown) if given else ['is not used']


@pytest.mark.parametrize('face', FACES)
def test_literal_examples_fit_the_signature(face):
    faults = {
        name: example_faults(value, inspect.getdoc(value) or '')
        for name, value in exported(face).items()
    }
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    ('example', 'faults'),
    [
        ('x = [dict(type="Child", size=1, split="a")]', []),
        ('x = [dict(type="Child", length=1)]', ['length']),
        ('x = Child(size=1)', []),
        ('x = Child(sice=1)', ['sice']),
        ('x = dict(type="Other", size=1)', ['is not used']),
    ],
)
def test_a_wrong_example_is_seen(example, faults):
    class Base:
        def __init__(self, split):
            pass

    class Child(Base):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)

    text = f'A set.\n\nExample::\n\n    {example}\n\nRaises:\n    nothing'
    assert example_faults(Child, text) == faults


def test_a_registered_name_is_found():
    from gps_seg.models import StrictPretrainedInit

    assert registered_names(StrictPretrainedInit) == {'Pretrained'}
