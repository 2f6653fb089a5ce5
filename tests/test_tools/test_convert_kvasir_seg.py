# Copyright (c) gps_seg contributors. Apache-2.0.
"""The converter's command line: parse, call, print."""

from functools import partial

import cv2
import numpy as np
import pytest
from run_tool import run_tool

from gps_seg.datasets import SplitLists

convert = partial(run_tool, 'dataset_converters/kvasir_seg.py')


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
    convert(source, target)
    out = capsys.readouterr().out
    assert (target / 'conversion_report.txt').read_text() in out
    assert 'Pairs:  2 (1 train, 1 val)' in out
    assert f'Written to {target}' in out


def test_problems_end_in_an_exit(source, tmp_path):
    (source / 'masks/b.jpg').unlink()
    with pytest.raises(SystemExit, match='b: is an image without a mask'):
        convert(source, tmp_path / 'kvasir-seg')
    assert list(tmp_path.iterdir()) == [source]


def test_error_is_one_line(tmp_path):
    with pytest.raises(SystemExit, match='FileNotFoundError: source: '):
        convert(tmp_path / 'nowhere.zip', tmp_path / 'out')
    assert not list(tmp_path.iterdir())


def test_existing_target_is_one_line(tmp_path):
    (tmp_path / 'mine.txt').write_text('precious')
    with pytest.raises(SystemExit, match='FileExistsError: target: '):
        convert(tmp_path, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ['mine.txt']
