# Copyright (c) gps_seg contributors. Apache-2.0.
"""Huge images are scored at a size whose logits fit into the memory."""

import numpy as np
import pytest

from gps_seg.datasets import LimitPixels, MaskAtImageSize


def loaded(height, width):
    image = np.random.default_rng(0).integers(
        0, 256, (height, width, 3), np.uint8
    )
    return dict(
        img=image, img_shape=(height, width), ori_shape=(height, width)
    )


@pytest.mark.parametrize('shape', [(300, 500), (1, 900), (77, 77)])
def test_a_huge_image_gets_the_largest_size_within_the_limit(shape):
    results = LimitPixels(most=800).transform(loaded(*shape))
    height, width = results['img'].shape[:2]
    assert height * width <= 800
    assert results['img_shape'] == results['ori_shape'] == (height, width)
    # One pixel more on each side, in the same shape, would be too many.
    assert (height + 1) * (width + 1) > 800 * 0.9


def test_a_small_image_is_left_alone():
    results = loaded(20, 30)
    image = results['img']
    assert LimitPixels(most=600).transform(results)['img'] is image
    assert results['ori_shape'] == (20, 30)


def test_a_mask_takes_the_class_of_the_nearest_pixel():
    mask = np.repeat(np.repeat(np.array([[0, 3], [255, 7]]), 50, 0), 50, 1)
    results = dict(gt_seg_map=mask.astype(np.uint8), ori_shape=(2, 2))
    small = MaskAtImageSize().transform(results)['gt_seg_map']
    np.testing.assert_array_equal(small, [[0, 3], [255, 7]])
    assert small.dtype == np.uint8


def test_a_mask_of_the_right_size_is_left_alone():
    mask = np.zeros((4, 5), np.uint8)
    results = dict(gt_seg_map=mask, ori_shape=(4, 5))
    assert MaskAtImageSize().transform(results)['gt_seg_map'] is mask


def test_a_limit_below_one_is_refused():
    with pytest.raises(ValueError, match='most: expected 1 or more, got 0'):
        LimitPixels(most=0)
