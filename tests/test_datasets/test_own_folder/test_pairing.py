# Copyright (c) gps_seg contributors. Apache-2.0.
"""Names are paired by the first rule that explains all of them."""

import pytest

from gps_seg.datasets.own_folder.pairing import pair_up


def paired(images, masks):
    pairing = pair_up(images, masks)
    assert pairing.problems == pairing.unlabelled == []
    return {(pair.image, pair.mask) for pair in pairing.pairs}


NUMBERS = ('7', '19', '101', '102')


@pytest.mark.parametrize(
    ('image', 'mask'),
    [
        ('{}.jpg', '{}.png'),
        ('{}.jpg', '{}_mask.png'),
        ('{}.jpg', 'mask_{}.png'),
        ('{}.tif', '{}_L.png'),
        ('{}.JPG', '{}_gt.bmp'),
        ('{}.jpg', '{}_segmentation.png'),
        ('{}.jpg', 'the_{}_odd.png'),
        ('{}.jpg', '{}.mask.png'),
        ('img_{}.jpg', 'mask_{}.png'),
        ('{}_sat.jpg', '{}_mask.png'),
        ('left/{}.jpg', 'left/{}.png'),
        ('left/{}_image.jpg', 'left/{}_labelIds.png'),
        ('left/{}.jpg', 'left/{}_mask.png'),
        ('{}.jpg', 'deep/er/{}.png'),
        ('photos/{}.jpg', 'outlines/gt_{}.png'),
    ],
)
def test_names_with_one_affix_are_paired(image, mask):
    images = [image.format(n) for n in NUMBERS]
    masks = [mask.format(n) for n in reversed(NUMBERS)]
    expected = {(image.format(n), mask.format(n)) for n in NUMBERS}
    assert paired(images, masks) == expected


def test_the_name_of_a_pair_is_that_of_the_image():
    pairing = pair_up(['a/x.1.jpg', 'b.jpg'], ['a/x.1_m.png', 'b_m.png'])
    assert [pair.name for pair in pairing.pairs] == ['a/x.1', 'b']
    assert pairing.rule == 'the same name, with masks named "..._m"'


def test_equal_names_need_no_more_rules():
    assert pair_up(['a.jpg', 'b.jpg'], ['a.png', 'b.png']).rule == (
        'the same name'
    )


def test_the_longest_name_inside_a_name_is_meant():
    pairing = pair_up(['1.jpg', '12.jpg'], ['12_m.png'])
    assert [pair.name for pair in pairing.pairs] == ['12']
    assert pairing.problems == []
    assert pairing.unlabelled == ['1.jpg']


def test_a_few_names_that_match_are_no_rule():
    images = [
        f'{word}.jpg' for word in ['one', 'two', 'three', 'four', 'five']
    ]
    masks = [f'{word}.png' for word in ['one', 'two', 'drei', 'vier', 'funf']]
    pairing = pair_up(images, masks)
    assert pairing.pairs == []
    assert pairing.problems[0].startswith('names: expected masks with the')


def test_equal_names_in_two_folders_stay_apart():
    images = ['p1/001.jpg', 'p2/001.jpg', 'p3/001.jpg']
    masks = ['p1/001_seg.png', 'p2/001_seg.png', 'p3/001_seg.png']
    assert paired(images, masks) == set(zip(images, masks, strict=True))


def test_equal_names_in_folders_that_differ_are_not_guessed():
    pairing = pair_up(
        ['p1/001.jpg', 'p2/001.jpg'], ['q1/001.png', 'q2/001.png']
    )
    assert pairing.pairs == []
    (problem,) = pairing.problems
    assert 'p1/001.jpg, p2/001.jpg' in problem
    assert 'q1/001.png, q2/001.png' in problem


def test_the_same_name_wins_over_an_affix():
    images = ['1.jpg', '11.jpg', '111.jpg']
    masks = ['1.png', '11.png', '111.png']
    assert paired(images, masks) == set(zip(images, masks, strict=True))


def test_a_mask_without_the_affix_is_left_over():
    images = ['a.jpg', 'b.jpg', 'c.jpg']
    pairing = pair_up(images, ['a_m.png', 'b_m.png', 'c.png'])
    assert [pair.name for pair in pairing.pairs] == ['a', 'b']
    assert pairing.unlabelled == ['c.jpg']
    assert sorted(pairing.problems) == [
        'c.png: is a mask without an image',
    ]


def test_a_second_mask_is_reported_with_the_first():
    pairing = pair_up(
        ['scan1.jpg', 'scan2.jpg', 'scan3.jpg'],
        ['scan1_m.png', 'scan2_m.png', 'scan3_m.png', 'scan2_other.png'],
    )
    assert pairing.problems == [
        'two masks for one image: scan2_m.png, scan2_other.png'
    ]


def test_a_second_image_of_a_name():
    pairing = pair_up(['a.jpg', 'a.png', 'b.jpg'], ['a.png', 'b.png'])
    assert pairing.problems == ['two images of one name: a.jpg, a.png']


def test_masks_of_one_image_in_several_folders():
    names = ['1', '2', '3']
    pairing = pair_up(
        [f'{n}.jpg' for n in names],
        [f'{organ}/{n}.png' for organ in ('liver', 'lung') for n in names],
    )
    assert len(pairing.pairs) == 3
    assert pairing.problems[0] == (
        'two masks for one image: liver/1.png, lung/1.png'
    )
