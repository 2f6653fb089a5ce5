# Copyright (c) gps_seg contributors. Apache-2.0.
"""What belongs together stays together, and classes are on both sides."""

import numpy as np
import pytest

from gps_seg.datasets.own_folder import Found, split, split_notes
from gps_seg.datasets.own_folder.pairing import Pair


def found(holds, groups=None, near=(), background=True):
    """What was found in images that hold these classes of objects."""
    classes = 1 + max((c for held in holds for c in held), default=0)
    pixels = np.zeros((len(holds), classes), np.int64)
    pixels[:, 0] = 10
    for row, held in zip(pixels, holds, strict=True):
        row[list(held)] = 5
    names = [f'n{index:03d}' for index in range(len(holds))]
    return Found(
        images='images',
        masks='masks',
        pairs=tuple(Pair(n, f'{n}.jpg', f'{n}.png') for n in names),
        sizes={'8x8': len(holds)},
        rule={'kind': 'threshold', 'above': 127},
        classes=tuple(f'c{index}' for index in range(classes)),
        palette=tuple((index, 0, 0) for index in range(classes)),
        background=background,
        pixels=pixels,
        ignored=0.0,
        groups=dict(zip(names, groups, strict=True)) if groups else {},
        near_copies=tuple(tuple(names[i] for i in same) for same in near),
        notes=(),
    )


def sides(splits):
    """Indices of the images on each side."""
    assert splits.keys() == {'train', 'val'}
    train, val = (
        {int(pair.name[1:]) for pair in splits[side]}
        for side in ('train', 'val')
    )
    assert not train & val
    for pairs in splits.values():
        assert pairs == sorted(pairs)
    return train, val


def on_both_sides(data, splits):
    """Classes that both sides have."""
    return set.intersection(
        *(
            {
                int(c)
                for index in side
                for c in np.flatnonzero(data.pixels[index])
            }
            for side in sides(splits)
        )
    )


@pytest.mark.parametrize('share', [0.1, 0.2, 0.5])
def test_images_alone_are_divided_by_the_share(share):
    data = found([{1}] * 40)
    train, val = sides(split(data, share))
    assert train | val == set(range(40))
    assert len(val) == round(share * 40)


def test_the_seed_alone_decides():
    data = found([{1}] * 40)
    assert split(data, seed=3) == split(data, seed=3)
    assert split(data, seed=3) != split(data, seed=4)


@pytest.mark.parametrize('seed', range(5))
def test_groups_stay_together(seed):
    groups = [f'g{index // 5}' for index in range(40)]
    data = found([{1}] * 40, groups)
    train, val = sides(split(data, 0.25, seed))
    assert len(val) == 10
    assert not {groups[i] for i in train} & {groups[i] for i in val}
    assert 'Whole groups stay together.' in split_notes(data, split(data))


@pytest.mark.parametrize('seed', range(5))
def test_near_copies_stay_together_without_groups(seed):
    near = [(0, 1, 2), (5, 9), (11, 30, 31, 32)]
    data = found([{1}] * 40, near=near)
    splits = split(data, 0.3, seed)
    _, val = sides(splits)
    for alike in near:
        assert len(val & set(alike)) in (0, len(alike))
    assert any('look alike' in note for note in split_notes(data, splits))


def test_groups_count_more_than_near_copies():
    groups = [f'g{index}' for index in range(10)]
    data = found([{1}] * 10, groups, near=[range(10)])
    assert len(split(data)['val']) == 2


@pytest.mark.parametrize('seed', range(8))
def test_every_class_in_two_units_is_on_both_sides(seed):
    holds = [{1}] * 30 + [{2, 3}, {3}, {2}, {4}, {4, 1}, {5, 1}, set(), set()]
    data = found(holds)
    splits = split(data, 0.2, seed)
    assert on_both_sides(data, splits) == {0, 1, 2, 3, 4}
    train, val = sides(splits)
    assert 35 in train  # the only image with class 5
    assert len({36, 37} & val) == 1  # images without an object
    assert 'In train only: c5.' in split_notes(data, splits)


def test_a_class_on_both_sides_counts_more_than_the_share():
    holds = [{1}, {1}, {2}, {2}, {3}, {3}, {4}, {4}, {1}, {2}]
    data = found(holds)
    assert on_both_sides(data, split(data, 0.1)) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize('seed', range(6))
def test_the_share_of_a_rare_class_is_kept(seed):
    data = found([{1}] * 80 + [{2}] * 20)
    _, val = sides(split(data, 0.2, seed))
    assert len(val) == 20
    assert sum(index >= 80 for index in val) == 4


def test_one_large_group_is_for_training():
    groups = ['large'] * 30 + ['small'] * 4
    train, val = sides(split(found([{1}] * 34, groups)))
    assert val == set(range(30, 34)) and len(train) == 30


@pytest.mark.parametrize(
    ('data', 'words'),
    [
        (
            found([{1}] * 6, ['a'] * 6),
            'two or more groups, got one with all 6',
        ),
        (
            found([{1}] * 6, near=[range(6)]),
            'two or more images that do not look alike, got one',
        ),
        (
            found([{1}] * 3 + [set()] * 3, ['a'] * 3 + ['b', 'c', 'd']),
            'a class of objects in two or more groups, got none',
        ),
        (found([set()] * 6), 'a class of objects'),
    ],
)
def test_a_split_that_is_impossible(data, words):
    with pytest.raises(ValueError, match=words):
        split(data)


@pytest.mark.parametrize('share', [0, -1, 0.6, 2])
def test_a_share_that_is_none(share):
    with pytest.raises(ValueError, match='share: expected more than 0'):
        split(found([{1}] * 9), share)
