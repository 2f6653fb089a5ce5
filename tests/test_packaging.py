# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a user gets from pip: versions, the wheel, the console command."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata

import pytest
import yaml

import gps_seg
from gps_seg import __main__ as console

# What belongs to the project; not runs, data sets, environments.
SOURCES = (
    'configs',
    'data/demo',
    'data/splits',
    'gps_seg',
    'tools',
    'LICENSE',
    'MANIFEST.in',
    'README.md',
    'model-index.yml',
    'pyproject.toml',
    'setup.py',
)


@pytest.fixture
def fake_package(tmp_path):
    """A source tree with two tools, one of them in a folder."""
    tools = tmp_path / 'tools'
    (tools / 'converters').mkdir(parents=True)
    (tools / 'train.py').write_text(
        '"""Train a model.\n\nMore."""\n'
        'import sys\nfrom sibling import VALUE\n'
        'print(__name__, VALUE, sys.argv)\n',
        encoding='utf-8',
    )
    (tools / 'sibling.py').write_text('VALUE = 7\n', encoding='utf-8')
    (tools / 'converters/kvasir.py').write_text('raise SystemExit(3)')
    package = tmp_path / 'gps_seg'
    package.mkdir()
    return package


@pytest.fixture
def run_console(monkeypatch, fake_package):
    """Run the console command on the tools of ``fake_package``."""
    tools = console.find_tools(fake_package)
    monkeypatch.setattr(console, 'find_tools', lambda: tools)
    monkeypatch.setattr(sys, 'path', sys.path.copy())

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['gps-seg', *arguments])
        return console.main()

    return run


def test_tools_of_a_source_tree_are_found(fake_package):
    tools = console.find_tools(fake_package)
    assert list(tools) == ['converters/kvasir', 'sibling', 'train']
    assert tools['train'] == fake_package.parent / 'tools/train.py'


def test_tools_inside_the_package_come_first(fake_package):
    inside = fake_package / '.mim/tools'
    inside.mkdir(parents=True)
    (inside / 'train.py').touch()
    assert console.find_tools(fake_package) == {'train': inside / 'train.py'}


def test_no_tools_anywhere(tmp_path):
    with pytest.raises(FileNotFoundError, match='Install gps-seg again'):
        console.find_tools(tmp_path / 'gps_seg')


@pytest.mark.parametrize('arguments', [(), ('-h',), ('--help',)])
def test_tools_are_listed_with_their_first_line(
    run_console, capsys, arguments
):
    assert run_console(*arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert '  train  Train a model.' in lines
    assert any(line.strip() == 'converters/kvasir' for line in lines)


def test_tools_are_grouped_by_what_a_person_wants():
    text = console.usage(console.find_tools())
    groups = dict(
        part.split(':\n', 1) for part in text.split('\n\n') if ':\n' in part
    )
    first = {
        title: [line.split()[0] for line in rows.splitlines()]
        for title, rows in groups.items()
    }
    # In the order of a first hour, not of the alphabet.
    assert first['Start'][:2] == ['demo', 'new']
    assert first['Train'] == ['train', 'compare']
    assert first['Share'] == ['share', 'delta', 'export']
    assert 'dataset_converters/kvasir_seg' in first[console.CONVERTERS]
    assert 'pretrain_demo' in first['Develop']
    assert console.OTHERS not in first  # every tool has its group


def test_a_tool_without_a_group_is_listed_last(tmp_path):
    script = tmp_path / 'stray.py'
    script.write_text('"""A stray tool."""')
    train = tmp_path / 'train.py'
    train.write_text('"""Train."""')
    text = console.usage({'stray': script, 'train': train})
    assert text.index('Train:') < text.index('Others:\n  stray')


def test_a_tool_gets_its_arguments_and_siblings(run_console, capsys):
    assert run_console('train', '--k', '2') == 0
    output = capsys.readouterr().out
    assert output.startswith('__main__ 7 [')
    assert output.endswith("tools/train.py', '--k', '2']\n")


def test_a_tools_exit_status_is_passed_on(run_console):
    with pytest.raises(SystemExit, match='3'):
        run_console('converters/kvasir')


@pytest.mark.parametrize(
    ('given', 'meant'),
    [('trian', 'train'), ('kvazir', 'converters/kvasir')],
)
def test_of_an_unknown_tool_the_closest_is_suggested(
    run_console, capsys, given, meant
):
    assert run_console(given) == 2
    error = capsys.readouterr().err
    assert f"got '{given}'. Did you mean {meant}? Run gps-seg to" in error
    assert error.count('\n') == 1


def test_a_tool_like_no_other_has_no_suggestion(run_console, capsys):
    assert run_console('zzz') == 2
    assert "got 'zzz'. Run gps-seg to list" in capsys.readouterr().err


def test_every_tool_says_what_it_does():
    tools = console.find_tools()
    assert 'train' in tools
    silent = [name for name in tools if not console.describe(tools[name])]
    assert silent == []


def test_every_pin_is_inside_the_declared_range(repo_dir):
    """constraints.txt and setup.py must not contradict each other."""
    requirements = pytest.importorskip('packaging.requirements')
    canonical = pytest.importorskip('packaging.utils').canonicalize_name
    found = re.findall(r'^([\w.-]+)==(\S+)$', read(repo_dir), re.M)
    pins = {canonical(name): version for name, version in found}
    try:
        declared = metadata.requires('gps-seg')
    except metadata.PackageNotFoundError:
        pytest.skip('gps-seg is not installed')
    ranges = [requirements.Requirement(text) for text in declared]
    tried = [r for r in ranges if 'openmmlab' not in str(r.marker)]
    assert len(tried) > 10
    for requirement in tried:
        pin = pins[canonical(requirement.name)]
        assert requirement.specifier.contains(pin), requirement


def test_both_opencv_wheels_have_one_version(repo_dir):
    """They share one folder: unequal ones would overwrite each other."""
    versions = re.findall(r'^opencv-python\S*==(\S+)$', read(repo_dir), re.M)
    assert len(versions) == 2
    assert len(set(versions)) == 1


def read(repo_dir):
    return (repo_dir / 'constraints.txt').read_text(encoding='utf-8')


def metafiles(root):
    """Those that the index of models names, below ``root``."""
    index = yaml.safe_load((root / 'model-index.yml').read_text())
    return [
        yaml.safe_load((root / name).read_text()) for name in index['Import']
    ]


@pytest.mark.parametrize('root', ['.', 'gps_seg/.mim'])
def test_every_model_of_the_index_has_its_config(repo_dir, root):
    """In the source tree, and where an editable install has it."""
    for content in metafiles(repo_dir / root):
        collections = [entry['Name'] for entry in content['Collections']]
        assert content['Models']
        for model in content['Models']:
            assert model['In Collection'] in collections
            assert (repo_dir / root / model['Config']).is_file()
            assert model['Results']


def test_every_metafile_is_in_the_index(repo_dir):
    index = yaml.safe_load((repo_dir / 'model-index.yml').read_text())
    found = (repo_dir / 'configs').rglob('metafile.yml')
    assert sorted(index['Import']) == sorted(
        path.relative_to(repo_dir).as_posix() for path in found
    )


def test_no_score_of_the_index_is_missing_in_the_results(repo_dir):
    """A score is what was measured, with the command that measured it."""
    text = (repo_dir / 'docs/results.md').read_text(encoding='utf-8')
    scores = [
        score
        for content in metafiles(repo_dir)
        for model in content['Models']
        for result in model['Results']
        for score in result['Metrics'].values()
    ]
    assert scores
    told = {f'{float(n):.1f}' for n in re.findall(r'\d+\.\d+', text)}
    assert [score for score in scores if f'{score:.1f}' not in told] == []


@pytest.mark.slow
def test_the_wheel_works_outside_the_source_tree(repo_dir, tmp_path):
    source = copy_sources(repo_dir, tmp_path / 'source')
    before = listing(source)
    wheel = build_wheel(source, tmp_path)
    assert listing(source) - before <= {'build', 'gps_seg.egg-info'}
    assert f'-{gps_seg.__version__}-' in wheel.name

    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / 'site')
    assert 'gps_seg/py.typed' in names
    assert not [n for n in names if n.endswith('.pyc')]
    assert not [n for n in names if n.startswith(('tests', 'tools'))]
    for pattern in (
        'configs/**/*.py',
        'configs/README.md',
        'configs/**/metafile.yml',
        'data/splits/**/*',
        'model-index.yml',
        'tools/**/*.py',
    ):
        files = [f for f in source.glob(pattern) if f.is_file()]
        assert files
        assert {
            f'gps_seg/.mim/{f.relative_to(source).as_posix()}' for f in files
        } <= names

    listed = subprocess.run(
        [sys.executable, '-m', 'gps_seg'],
        cwd=tmp_path / 'site',
        capture_output=True,
        text=True,
        check=True,
    )
    assert '  train ' in listed.stdout


@pytest.mark.slow
def test_a_config_of_the_wheel_trains_outside_the_source_tree(
    repo_dir, tmp_path
):
    """``gps-seg train`` with a base of ours, MMEngine's way to write it."""
    from gps_seg.datasets.synthetic_polyps import ensure_dataset

    wheel = build_wheel(copy_sources(repo_dir, tmp_path / 'source'), tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / 'site')
    shutil.rmtree(tmp_path / 'source')
    site = tmp_path / 'site/gps_seg/.mim'
    for content in metafiles(site):
        for model in content['Models']:
            assert (site / model['Config']).is_file()

    here = tmp_path / 'elsewhere'
    ensure_dataset(
        here / 'data',
        domain='target',
        split_sizes={'train': 4, 'tune': 2, 'val': 2},
        size=112,
        seed=0,
    )
    (here / 'yours.py').write_text(PLAIN_CONFIG)
    (here / 'mine.py').write_text(
        "_base_ = ['yours.py', 'gps_seg::_base_/gps.py']"
    )
    subprocess.run(
        [sys.executable, '-m', 'gps_seg', 'train', 'mine.py', '--seed', '0'],
        cwd=here,
        env={**os.environ, 'PYTHONPATH': str(tmp_path / 'site')},
        check=True,
    )
    assert (here / 'work_dirs/mine/delta.safetensors').is_file()


PLAIN_CONFIG = """
_base_ = [
    'gps_seg::_base_/models/vit-demo_fcn.py',
    'gps_seg::_base_/datasets/synthetic_polyps.py',
    'gps_seg::_base_/schedules/laptop.py',
    'mmseg::_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=2, dataset=dict(data_root='data'))
val_dataloader = dict(dataset=dict(data_root='data'))
train_cfg = dict(max_iters=2, val_interval=2)
optim_wrapper = dict(type='OptimWrapper')
"""


def copy_sources(repo_dir, target):
    for name in SOURCES:
        origin = repo_dir / name
        if origin.is_dir():
            shutil.copytree(
                origin,
                target / name,
                ignore=shutil.ignore_patterns('__pycache__', '.mim'),
            )
        elif origin.is_file():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, target)
    return target


def listing(folder):
    return {path.name for path in folder.iterdir()}


def build_wheel(source, tmp_path):
    subprocess.run(
        [
            *(sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps'),
            *('--no-build-isolation', '--no-index', str(source)),
            *('--wheel-dir', str(tmp_path / 'dist')),
        ],
        cwd=tmp_path,
        check=True,
    )
    (wheel,) = (tmp_path / 'dist').glob('*.whl')
    return wheel
