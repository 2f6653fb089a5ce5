"""What holds for every tool: help and refusals at once, plain errors."""

import ast
import functools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gps_seg.__main__ import find_tools

TOOLS = {name: path.resolve() for name, path in find_tools().items()}
#: Packages that take long to import; here each of them is an error.
HEAVY = ('matplotlib', 'mmcv', 'mmengine', 'mmseg', 'numpy', 'torch')
DELTA = (
    'info', 'verify', 'extract', 'merge', 'apply', 'diff', 'combine',
    'overlap', 'quantize', 'sweep',
)  # fmt: skip


@pytest.fixture(scope='session')
def lean(tmp_path_factory, repo_dir):
    """Run a tool in a process in which nothing heavy can be imported."""
    folder = tmp_path_factory.mktemp('heavy')
    for name in HEAVY:
        code = f"raise AssertionError('{name} was imported')"
        (folder / f'{name}.py').write_text(code)
    path = os.pathsep.join([str(folder), str(repo_dir)])

    @functools.cache  # two tests read the same page of help
    def run(tool, *arguments):
        return subprocess.run(
            [sys.executable, str(TOOLS[tool]), *map(str, arguments)],
            env={**os.environ, 'PYTHONPATH': path, 'COLUMNS': '80'},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


#: Every page of help: tool and arguments before ``--help``.
PAGES = [
    *(pytest.param((tool,), id=tool) for tool in TOOLS),
    *(pytest.param(('delta', c), id=f'delta {c}') for c in DELTA),
]


@pytest.mark.parametrize('page', PAGES)
def test_help_needs_nothing_heavy(lean, page):
    result = lean(*page, '--help')
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout.startswith('usage: ')


@pytest.mark.parametrize('page', PAGES)
def test_every_option_has_a_help_text(lean, page):
    """A line of its own, or behind the name of the option."""
    text = lean(*page, '--help').stdout
    listed = text.partition('\n\n')[2]
    rows = re.findall(r'^  (-\S.*|\w\S*)(\n? {4,}\S.*)?$', listed, re.M)
    assert rows
    for name, described in rows:
        assert described or re.search(r'\S  +\S', name), name


@pytest.mark.parametrize('tool', TOOLS)
def test_a_wrong_option_is_answered_at_once(lean, tool):
    result = lean(tool, '--not-an-option')
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 2
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize(
    ('arguments', 'error'),
    [
        (('export', 'c.py', '--out', 'x.pb'), 'ends in .onnx or .pt'),
        (('report', 'a', '--out', 'x.txt'), 'ends in .html or .png'),
        (('report', 'a', '--metric', 'mDise'), 'Did you mean mDice?'),
        (('browse_dataset', 'c.py', '--number', '0'), '1 or more'),
        (('compare', 'c.py', '--cfg-options', 'a'), 'expected KEY=VALUE'),
        (('compare', 'c.py', '--rates', 1, 0), "number above 0; got '0'"),
        (('compare', 'c.py', '--rates', 1, '1.0'), 'got 1.0 again'),
        (('compare', 'c.py', '--rates', 'a'), "number above 0; got 'a'"),
        (('compare', 'c.py', '--seeds', 0, 1, 0), 'got 0 again'),
        (('compare', 'c.py', '--seeds', '-1'), 'whole number, 0 or more'),
        (('compare', 'c.py', '--tuning-seeds', 2, 2), 'got 2 again'),
        (('compare', 'c.py', '--held-out', 0), 'between 0 and 1'),
        (('compare', 'c.py', '--held-out', '1.0'), 'between 0 and 1'),
        (('compare', 'c.py', '--alphas', 0, 'nan'), "got 'nan'"),
        (('compare', 'c.py', '--alphas', '0.5', '.5'), 'got 0.5 again'),
        (('compare', 'c.py', '--alphas', 1), 'other than 1, the tuned'),
        (('compare', 'c.py', '--cost-rounds', '-1'), '0 or more'),
        (('compare', 'c.py', '--references', 'a', 'a'), 'got a again'),
        (('benchmark', '--arch', 'vit-b'), 'Did you mean vit-b16?'),
        (('dataset_converters/kvasir_seg', '.', '.'), 'new or empty'),
        (('dataset_converters/polyps', '.', '.'), 'new or empty'),
        (('dataset_converters/pranet', '.', '.'), 'new or empty'),
        (('dataset_converters/ade20k', '.', '.'), 'new or empty'),
        (('dataset_converters/flowers102', '.', '.'), 'new or empty'),
        (('model_converters/dinov2_to_mmpretrain', 'a', 'b.x'), 'ends in'),
        (('model_converters/augreg_to_mmpretrain', 'a', 'b.x'), 'ends in'),
        (('delta', 'merge', 'c.py', 'd', '--out', 'x.txt'), 'ends in .pth'),
        (('delta', 'sweep', 'c.py', 'd', '--out', 'x.txt'), 'ends in .png'),
        (('delta', 'quantise', 'd'), 'Did you mean quantize?'),
    ],
)
def test_what_cannot_work_is_refused_at_once(lean, arguments, error):
    result = lean(*arguments)
    assert result.returncode in (1, 2)
    assert error in result.stderr
    assert len(result.stderr.splitlines()) <= 2
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize('suffix', ['onnx', 'safetensors', 'png', 'json'])
def test_existing_results_are_refused_at_once(lean, tmp_path, suffix):
    path = tmp_path / f'x.{suffix}'
    path.write_text('precious')
    arguments = {
        'onnx': ('export', 'c.py', '--out', path),
        'safetensors': ('delta', 'quantize', 'd', '--half', '--out', path),
        'png': ('delta', 'overlap', 'd', 'e', '--out', path),
        'json': ('delta', 'sweep', 'c', 'd', '--out', tmp_path / 'x.png'),
    }
    result = lean(*arguments[suffix])
    assert result.returncode == 1
    assert 'expected a new file' in result.stderr
    assert len(result.stderr.splitlines()) == 1


def commands_of(tool):
    """Lines to be copied from the docstring, continued ones as one."""
    text = ast.get_docstring(ast.parse(TOOLS[tool].read_text()))
    joined = text.replace('\\\n', ' ')
    return [
        shlex.split(line)
        for line in joined.splitlines()
        if line.startswith('python tools/')
    ]


@pytest.mark.parametrize(
    ('tool', 'command'),
    [
        pytest.param(tool, command, id=' '.join(command[1:3]))
        for tool in TOOLS
        for command in commands_of(tool)
    ],
)
def test_examples_can_be_copied(tool, command, monkeypatch, repo_dir):
    """They name this tool, and its parser takes them."""
    python, script, *arguments = command
    assert python == 'python'
    assert repo_dir / script == TOOLS[tool]
    parsers = parsers_of(TOOLS[tool], monkeypatch)
    monkeypatch.chdir(repo_dir)
    assert parsers[0].parse_args(arguments)


def parsers_of(script, monkeypatch):
    """The parser that a tool gives to ``run_tool``."""
    import runpy

    import gps_seg.command_line as command_line

    parsers = []
    monkeypatch.setattr(
        command_line,
        'run_tool',
        lambda parser, run, arguments=None: parsers.append(parser) or 0,
    )
    monkeypatch.setattr(sys, 'path', [str(Path(script).parent), *sys.path])
    runpy.run_path(str(script))['main']()
    return parsers


@pytest.mark.parametrize(
    ('tool', 'constant', 'module'),
    [
        ('benchmark', 'ARCHITECTURES', 'gps_seg.benchmark'),
        ('benchmark', 'ATTENTIONS', 'gps_seg.benchmark'),
        ('benchmark', 'DEVICES', 'gps_seg.benchmark'),
        ('benchmark', 'DTYPES', 'gps_seg.benchmark'),
        ('benchmark', 'VARIANTS', 'gps_seg.benchmark'),
        ('growth', 'DEVICES', 'gps_seg.benchmark'),
    ],
)
def test_choices_are_those_of_the_package(tool, constant, module):
    """Written twice, as the package takes seconds to import."""
    import importlib
    import runpy

    listed = runpy.run_path(str(TOOLS[tool]))[constant]
    assert listed == tuple(getattr(importlib.import_module(module), constant))


def test_bits_of_deltas_are_those_of_the_package():
    from gps_seg.delta.format.records import BITS
    from gps_seg.runs.deltas import command_line

    assert command_line.BITS == BITS
