# Copyright (c) gps_seg contributors. Apache-2.0.
"""The converter's command line: parse, call, print."""

import cv2
import numpy as np
import pytest
from run_tool import error_of_tool, run_tool

from gps_seg.datasets import SplitLists

TOOL = 'dataset_converters/kvasir_seg.py'


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Two pairs, and lists of record that name them."""
    splits = SplitLists({'train': ('a',), 'val': ('b',)})
    monkeypatch.setattr(SplitLists, 'of_record', lambda: splits)
    for folder in ('images', 'masks'):
        (tmp_path / 'source' / folder).mkdir(parents=True)
    for level, id_ in ((60, 'a'), (90, 'b')):
        image = np.full((32, 40, 3), level, np.uint8)
        mask = np.full((32, 40), 255, np.uint8)
        cv2.imwrite(str(tmp_path / f'source/images/{id_}.jpg'), image)
        cv2.imwrite(str(tmp_path / f'source/masks/{id_}.jpg'), mask)
    return tmp_path / 'source'


def test_prints_the_report(source, tmp_path, capsys):
    target = tmp_path / 'kvasir-seg'
    run_tool(TOOL, source, target)
    out = capsys.readouterr().out
    assert (target / 'conversion_report.txt').read_text() in out
    assert 'Pairs:  2 (1 train, 1 val)' in out
    assert f'Written to {target}' in out


def test_problems_end_in_an_error(source, tmp_path, capsys):
    (source / 'masks/b.jpg').unlink()
    error = error_of_tool(capsys, TOOL, source, tmp_path / 'kvasir-seg')
    assert 'b: is an image without a mask' in error
    assert list(tmp_path.iterdir()) == [source]


def test_an_error_is_one_line(tmp_path, capsys):
    error = error_of_tool(
        capsys, TOOL, tmp_path / 'nowhere.zip', tmp_path / 'out'
    )
    assert error.startswith('kvasir_seg.py: source: expected')
    assert error.count('\n') == 1
    assert not list(tmp_path.iterdir())


def test_an_existing_target_is_kept(tmp_path, capsys):
    (tmp_path / 'mine.txt').write_text('precious')
    error = error_of_tool(capsys, TOOL, tmp_path, tmp_path)
    assert error.startswith('kvasir_seg.py: target: expected')
    assert [p.name for p in tmp_path.iterdir()] == ['mine.txt']
