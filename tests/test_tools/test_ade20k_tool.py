# Copyright (c) gps_seg contributors. Apache-2.0.
"""The command line of the ADE20K converter: parse, call, print."""

import numpy as np
import pytest
from PIL import Image
from run_tool import error_of_tool, run_tool

TOOL = 'dataset_converters/ade20k.py'


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


def test_writes_and_prints_the_report(source, tmp_path, capsys):
    target = tmp_path / 'ade'
    run_tool(TOOL, source, target, '--partial')
    out = capsys.readouterr().out
    assert (target / 'conversion_report.txt').read_text() in out
    assert 'Pairs:  1 validation' in out
    assert f'Written to {target}' in out


def test_without_a_target_it_only_checks(source, tmp_path, capsys):
    run_tool(TOOL, source, '--partial')
    assert 'Pairs:  1 validation' in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [source]


def test_problems_end_in_an_error(source, tmp_path, capsys):
    error = error_of_tool(capsys, TOOL, source, tmp_path / 'ade')
    assert 'validation: expected 2000 pairs' in error
    assert list(tmp_path.iterdir()) == [source]


def test_an_error_is_one_line(tmp_path, capsys):
    error = error_of_tool(
        capsys, TOOL, tmp_path / 'nowhere.zip', tmp_path / 'out'
    )
    assert error.startswith('ade20k.py: source: expected')
    assert error.count('\n') == 1
