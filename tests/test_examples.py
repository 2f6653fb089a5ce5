# Copyright (c) gps_seg contributors. Apache-2.0.
"""Examples in docstrings: every name that a package exports shows its use.

Runnable examples are doctests, which pytest collects from all of ``gps_seg``.
A literal block stands for what needs a model, data or a config. Its calls and
its settings must fit the signature, and tests/test_literal_examples runs it.
"""

import ast
import inspect
from pathlib import Path

import pytest
from docstrings import literal_example
from public_names import classes_and_functions, packages_that_export

FACES = packages_that_export(Path(__file__).resolve().parents[1])
# Packages of which some exports need a config, an archive as it is published,
# a tuned model or processes of their own: their examples may be literal, and
# tests/test_literal_examples runs them.
WITH_LITERAL_EXAMPLES = {
    'gps_seg.app.serving',
    'gps_seg.benchmark',
    'gps_seg.benchmark.growth',
    'gps_seg.datasets',
    'gps_seg.datasets.classification',
    'gps_seg.datasets.own_folder',
    'gps_seg.engine',
    'gps_seg.evaluation',
    'gps_seg.export',
    'gps_seg.models',
    'gps_seg.runs.own_folder',
    'gps_seg.runs.sharing',
}
HEADINGS = {'Example:', 'Examples:', 'Example::'}


@pytest.mark.parametrize('face', FACES)
def test_each_export_shows_an_example(face):
    missing = [
        f'{value.__module__}.{name}'
        for name, value in classes_and_functions(face).items()
        if not HEADINGS & set((inspect.getdoc(value) or '').splitlines())
    ]
    assert missing == []


def without_a_doctest(face: str) -> dict[str, str]:
    """Return the exports without one, each with the package that has it."""
    return {
        f'{value.__module__}.{name}': value.__module__.rpartition('.')[0]
        for name, value in classes_and_functions(face).items()
        if '>>> ' not in (inspect.getdoc(value) or '')
    }


@pytest.mark.parametrize('face', sorted({*FACES} - WITH_LITERAL_EXAMPLES))
def test_each_example_runs(face):
    literal = [
        name
        for name, package in without_a_doctest(face).items()
        # The face of gps_seg has names of other packages.
        if package not in WITH_LITERAL_EXAMPLES
    ]
    assert literal == []


def test_no_package_is_listed_in_vain():
    needed = set()
    for face in FACES:
        packages = without_a_doctest(face).values()
        needed |= {*packages} | ({face} if packages else set())
    assert needed >= WITH_LITERAL_EXAMPLES


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


def calls_in(example: str) -> list[ast.Call]:
    nodes = ast.walk(ast.parse(example))
    return [node for node in nodes if isinstance(node, ast.Call)]


def type_of(call: ast.Call) -> str | None:
    """Return the type that a dictionary of a config names."""
    kinds = [each.value for each in call.keywords if each.arg == 'type']
    return ast.literal_eval(kinds[0]) if kinds else None


def accepted_keys(kind: type) -> set[str]:
    """Return the arguments of a class and, where it has kwargs, its bases."""
    keys: set[str] = set()
    for base in kind.__mro__:
        if '__init__' in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            keys |= set(parameters)
            if 'kwargs' not in parameters:
                break
    return keys


def call_faults(value: type, call: ast.Call) -> list[str]:
    """Return what is wrong with a call of a class or function."""
    given = {str(each.arg): each.value for each in call.keywords}
    try:
        inspect.signature(value).bind(*call.args, **given)
    except TypeError as error:
        return [str(error)]
    return []


def example_faults(value: type, text: str) -> list[str]:
    """Return what is wrong with the literal example of a docstring."""
    example = literal_example(text)
    if not example:
        return []
    name = value.__name__
    faults, is_used = [], False
    for call in calls_in(example):
        called = ast.unparse(call.func)
        if called == 'dict' and type_of(call) in registered_names(value):
            keys = {str(each.arg) for each in call.keywords} - {'type'}
            faults += sorted(keys - accepted_keys(value))
        elif called == name:
            faults += call_faults(value, call)
        elif not called.startswith(f'{name}.'):
            continue
        is_used = True
    return faults if is_used else ['is not used']


@pytest.mark.parametrize('face', FACES)
def test_literal_examples_fit_the_signature(face):
    faults = {
        name: example_faults(value, inspect.getdoc(value) or '')
        for name, value in classes_and_functions(face).items()
    }
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    ('example', 'faults'),
    [
        ('x = [dict(type="KvasirSEGDataset", data_root="a")]', []),
        ('x = [dict(type="KvasirSEGDataset", data_rot="a")]', ['data_rot']),
        ('x = KvasirSEGDataset("train.txt")', []),
        (
            'x = KvasirSEGDataset()',
            ["missing a required argument: 'ann_file'"],
        ),
        ('x = dict(type="PolypDataset")', ['is not used']),
    ],
)
def test_a_wrong_example_is_seen(example, faults):
    from gps_seg.datasets import KvasirSEGDataset

    text = f'A set.\n\nExample::\n\n    {example}\n\nRaises:\n    nothing'
    assert example_faults(KvasirSEGDataset, text) == faults


def test_a_registered_name_is_found():
    from gps_seg.models import StrictPretrainedInit

    assert registered_names(StrictPretrainedInit) == {'Pretrained'}
