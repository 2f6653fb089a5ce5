# Copyright (c) gps_seg contributors. Apache-2.0.
"""The command line of the ADE20K converter: parse, call, print."""

import runpy

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def run_tool(repo_dir, monkeypatch):
    """Run the script in this process; another would import for seconds."""

    def run(*args):
        tool = str(repo_dir / 'tools/dataset_converters/ade20k.py')
        monkeypatch.setattr('sys.argv', [tool, *map(str, args)])
        runpy.run_path(tool, run_name='__main__')

    return run


@pytest.fixture
def source(tmp_path):
    """One pair."""
    for kind, suffix, pixels in (
        ('images', 'jpg', np.full((8, 9, 3), 90, np.uint8)),
        ('annotations', 'png', np.full((8, 9), 4, np.uint8)),
    ):
        folder = tmp_path / 'source' / kind / 'validation'
        folder.mkdir(parents=True)
        Image.fromarray(pixels).save(folder / f'ADE_val_1.{suffix}')
    return tmp_path / 'source'


def test_writes_and_prints_the_report(source, tmp_path, run_tool, capsys):
    target = tmp_path / 'ade'
    run_tool(source, target, '--partial')
    out = capsys.readouterr().out
    assert (target / 'conversion_report.txt').read_text() in out
    assert 'Pairs:  1 validation' in out
    assert f'Written to {target}' in out


def test_without_a_target_it_only_checks(source, tmp_path, run_tool, capsys):
    run_tool(source, '--partial')
    assert 'Pairs:  1 validation' in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [source]


def test_problems_end_in_an_exit(source, tmp_path, run_tool):
    with pytest.raises(SystemExit, match='validation: expected 2000 pairs'):
        run_tool(source, tmp_path / 'ade')
    assert list(tmp_path.iterdir()) == [source]


def test_error_is_one_line(tmp_path, run_tool):
    with pytest.raises(SystemExit, match='FileNotFoundError: source: '):
        run_tool(tmp_path / 'nowhere.zip', tmp_path / 'out')
