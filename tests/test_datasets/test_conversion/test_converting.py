# Copyright (c) gps_seg contributors. Apache-2.0.
"""The frame of the conversions."""

import zipfile
from contextlib import suppress

import pytest

from gps_seg.datasets.conversion.converting import converting
from gps_seg.datasets.conversion.problems import PairError, problems_of


@pytest.fixture
def archive(tmp_path):
    with zipfile.ZipFile(tmp_path / 'source.zip', 'w') as file:
        file.writestr('a.txt', 'content')
    return tmp_path / 'source.zip'


def test_the_folder_is_renamed_and_the_source_closed(archive, tmp_path):
    with converting(archive, tmp_path / 'data') as (files, folder):
        (folder / 'b.txt').write_bytes(files.read('a.txt'))
        assert not (tmp_path / 'data').exists()
    assert (tmp_path / 'data/b.txt').read_text() == 'content'
    with pytest.raises(ValueError, match='already closed'):
        files.read('a.txt')


def test_an_error_leaves_nothing_and_closes_the_source(archive, tmp_path):
    with (
        suppress(PairError),
        converting(archive, tmp_path / 'data') as (files, folder),
    ):
        (folder / 'b.txt').touch()
        raise PairError('bad pair')
    assert list(tmp_path.iterdir()) == [archive]
    with pytest.raises(ValueError, match='already closed'):
        files.read('a.txt')


def test_the_check_goes_on_after_a_problem():
    checked = []

    def check(item):
        checked.append(item)
        if item % 2:
            raise PairError(f'{item} is odd')

    assert problems_of([1, 2, 3], check) == ['1 is odd', '3 is odd']
    assert checked == [1, 2, 3]


def test_the_progress_sees_all_items():
    seen = []

    def progress(items):
        for item in items:
            seen.append(item)
            yield item

    assert problems_of(['a', 'b'], lambda _: None, progress) == []
    assert seen == ['a', 'b']


def test_other_errors_are_no_problems():
    def check(item):
        raise KeyError(item)

    with pytest.raises(KeyError):
        problems_of(['a'], check)
