# Copyright (c) gps_seg contributors. Apache-2.0.
"""The lists of record, and how the tuning lists were drawn."""

import dataclasses
import hashlib
import random
import re
import zipfile
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image

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
        'confirm_train': 300,
        'confirm_val': 180,
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


def test_confirmation_lists_are_the_rest_of_train_and_follow_their_rule():
    lists = SplitLists.of_record().ids
    rest = {*lists['train']} - {*lists['tune_train'], *lists['tune_val']}
    confirming = [*lists['confirm_train'], *lists['confirm_val']]
    assert len(confirming) == len(rest) == 480
    assert {*confirming} == rest
    order = sorted(rest)
    random.Random(2026).shuffle(order)
    assert sorted(order[:300]) == list(lists['confirm_train'])
    assert sorted(order[300:]) == list(lists['confirm_val'])


# Last frame of each video, from the table that comes with the database.
LAST = (25, 50, 67, 78, 103, 126, 151, 177, 199, 205, 227, 252, 277, 297)


def test_clinicdb_is_divided_by_sequence():
    record = SplitLists.of_record('cvc-clinicdb')
    assert record.problems() == []
    # The source lacks frame 133.
    frames = [f for f in range(1, 298) if f != 133]
    assert record.ids['all'] == tuple(map(str, frames))
    assert record.groups == {
        str(f): str(1 + sum(f > last for last in LAST)) for f in frames
    }
    sequences = {
        name: {int(record.groups[id_]) for id_ in record.ids[name]}
        for name in ('train', 'val')
    }
    assert sequences == {
        'train': {1, 3, 5, 7, 8, 10, 12, 14},
        'val': {2, 4, 6, 9, 11, 13},
    }
    assert len(record.ids['train']) == 168


def test_clinicdb_follows_its_rule(clinicdb_archive):
    shares = defaultdict(list)
    record = SplitLists.of_record('cvc-clinicdb')
    with zipfile.ZipFile(clinicdb_archive) as archive:
        for frame, group in record.groups.items():
            name = f'CVC-ClinicDB/masks/{frame}.jpg'
            mask = np.asarray(Image.open(archive.open(name)).convert('L'))
            shares[group].append((mask > 127).mean())
    order = sorted(shares, key=lambda group: np.mean(shares[group]))
    val = {record.groups[id_] for id_ in record.ids['val']}
    assert val == {*order[1::5], *order[3::5]}


def lists_with(**changes):
    ids = {'train': ('a', 'b'), 'val': ('c',), 'all': ('a', 'b', 'c')}
    groups = {'a': '1', 'b': '1', 'c': '2'}
    return SplitLists(ids | changes, groups | changes.get('groups', {}))


def test_lists_with_groups_survive_writing_and_reading(tmp_path):
    lists = lists_with()
    lists.write(tmp_path / 'lists')
    assert SplitLists.read(tmp_path / 'lists') == lists
    text = (tmp_path / 'lists/sequences.csv').read_text()
    assert text == 'image,group\na,1\nb,1\nc,2\n'


def test_lists_without_groups_write_no_table(tmp_path):
    SplitLists({'train': ('a',), 'val': ('b',)}).write(tmp_path / 'lists')
    names = {path.name for path in (tmp_path / 'lists').iterdir()}
    assert names == {'train.txt', 'val.txt'}


@pytest.mark.parametrize(
    ('changes', 'problems'),
    [
        ({}, []),
        (
            {'all': ('a', 'b')},
            ['c: expected in all.txt and in train.txt or val.txt, is in one'],
        ),
        (
            {'all': ('a', 'b', 'c', 'd')},
            ['d: expected in all.txt and in train.txt or val.txt, is in one'],
        ),
        (
            {'tune_train': ('a',), 'confirm_val': ('a',)},
            ['a: expected in one split, is in both tune_train and confirm'],
        ),
        (
            {'confirm_train': ('b',), 'confirm_val': ('b',)},
            ['b: expected in one split, is in both confirm_train and confirm'],
        ),
        ({'confirm_val': ('c',)}, ['c: is in confirm_val.txt but not in tra']),
    ],
)
def test_problems_of_lists(changes, problems):
    found = lists_with(**changes).problems()
    assert len(found) == len(problems)
    assert all(map(str.startswith, found, problems))


def test_problems_of_groups():
    lists = lists_with()
    divided = dataclasses.replace(lists, groups={'a': '1', 'b': '2', 'c': '1'})
    assert divided.problems() == [
        'group 1: expected in one split, has images in both train and val'
    ]
    unknown = dataclasses.replace(lists, groups={'a': '1', 'c': '2'})
    assert unknown.problems() == [
        'b: is in a split list but not in sequences.csv'
    ]


def test_an_image_keeps_its_split_when_all_are_listed_too():
    assert lists_with().split_of() == {'a': 'train', 'b': 'train', 'c': 'val'}
    assert SplitLists.one_of('ab').split_of() == {'a': 'all', 'b': 'all'}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'header image,group'),
        (
            'frame,video\na,1\n',
            'header image,group .* got .frame,video. first',
        ),
        ('image,group\na\n', 'two cells in each row'),
        ('image,group\na,1\na,2\n', 'every image once, got 2 rows for 1'),
    ],
)
def test_a_wrong_table_of_groups(tmp_path, text, message):
    for name in ('train', 'val'):
        (tmp_path / f'{name}.txt').write_text(name)
    (tmp_path / 'sequences.csv').write_text(text)
    with pytest.raises(ValueError, match=f'sequences.csv: .*{message}'):
        SplitLists.read(tmp_path)


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
