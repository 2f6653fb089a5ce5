# Copyright (c) gps_seg contributors. Apache-2.0.
"""The lists of record, and how the tuning lists were drawn."""

import hashlib
import re

import pytest

from gps_seg.datasets import split_lists
from gps_seg.datasets.split_lists import SplitLists, draw_tuning_lists


def test_lists_of_record():
    record = SplitLists.of_record()
    sizes = {name: len(ids) for name, ids in record.ids.items()}
    assert sizes == {
        'train': 880,
        'val': 120,
        'tune_train': 300,
        'tune_val': 100,
    }
    assert record.problems() == []
    assert all(
        re.fullmatch('[a-z0-9]{25}', id_)
        for ids in record.ids.values()
        for id_ in ids
    )


def test_official_lists_are_unchanged():
    # Of the files in DebeshJha/2020-MediaEval-Medico-polyp-segmentation.
    expected = {
        'train': '49992c7c6c80abf02032050d4ae754236da3ba1041f609659ad0043ff'
        '6d1795c',
        'val': 'd9b48bd3d980324edb39df97764fdbb5489b2583f088fb49c659b76f6d20'
        '876b',
    }
    record = SplitLists.of_record()
    for name, digest in expected.items():
        text = ''.join(f'{id_}\n' for id_ in record.ids[name])
        assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_tuning_lists_follow_their_rule():
    record = SplitLists.of_record()
    # The rule of data/README.md, in other words than the code's.
    by_digest = {
        hashlib.sha256(b'gps_seg tuning split 1:' + id_.encode()).digest(): id_
        for id_ in record.ids['train']
    }
    order = [by_digest[digest] for digest in sorted(by_digest)]
    assert set(record.ids['tune_train']) == set(order[:300])
    assert set(record.ids['tune_val']) == set(order[300:400])
    assert draw_tuning_lists(
        record.ids['train'][::-1], num_train=300, num_val=100
    ) == (record.ids['tune_train'], record.ids['tune_val'])


def test_draw_of_more_than_there_are():
    with pytest.raises(ValueError, match='expected at most 2, .* got 3'):
        draw_tuning_lists(['a', 'b'], num_train=2, num_val=1)


def test_lists_without_val(tmp_path):
    (tmp_path / 'train.txt').write_text('a\n')
    with pytest.raises(FileNotFoundError, match=r'found no val.txt'):
        SplitLists.read(tmp_path)


def test_installed_package_finds_its_own_lists(tmp_path, monkeypatch):
    package = tmp_path / 'site-packages' / 'gps_seg'
    lists = package / '.mim' / 'data' / 'splits' / 'kvasir-seg'
    lists.mkdir(parents=True)
    (lists / 'train.txt').write_text('a\r\nb\r\n')
    (lists / 'val.txt').write_text('c')
    monkeypatch.setattr(
        split_lists.gps_seg, '__file__', str(package / '__init__.py')
    )
    assert SplitLists.of_record().ids == {'train': ('a', 'b'), 'val': ('c',)}
    with pytest.raises(FileNotFoundError, match='splits/other'):
        SplitLists.of_record('other')
