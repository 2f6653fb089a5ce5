# Copyright (c) gps_seg contributors. Apache-2.0.
"""Copies of an image look like it, other images do not."""

import zipfile
from itertools import combinations, pairwise

import cv2
import numpy as np
import pytest

from gps_seg.datasets import near_copies
from gps_seg.datasets.near_copies import (
    MOST_BITS,
    fingerprint,
    near_pairs,
    near_sets,
)


def smooth(seed, size=(96, 128)):
    """A picture of blots, RGB."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (24, 32, 3)).astype(np.float32)
    image = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, 255).astype(np.uint8)


def bits_by_definition(image):
    """Cosine transform as two products of matrices, in float64."""
    red, green, blue = (image[..., c].astype(float) for c in range(3))
    grey = np.round(0.299 * red + 0.587 * green + 0.114 * blue)
    side = 64
    rows, columns = grey.shape[0] // side, grey.shape[1] // side
    blocks = grey.reshape(side, rows, side, columns).mean((1, 3))
    k, n = np.mgrid[:side, :side]
    basis = np.cos(np.pi * (2 * n + 1) * k / (2 * side)) * np.sqrt(2 / side)
    basis[0] /= np.sqrt(2)
    low = (basis @ np.round(blocks) @ basis.T)[:16, :16]
    return (low > np.median(low)).ravel()


def test_the_fingerprint_is_the_signs_about_the_median():
    differing = 0
    for seed in range(6):
        for size in ((128, 192), (192, 128)):
            image = smooth(seed, size)
            found = np.unpackbits(fingerprint(image)).astype(bool)
            assert found.sum() == 128
            differing += (found != bits_by_definition(image)).sum()
    # Rounding may move a frequency that is next to the median.
    assert differing <= 3


def test_pairs_are_counted_bit_by_bit_and_sorted():
    rng = np.random.default_rng(1)
    bits = rng.random((30, 256)) < 0.5
    bits[7] = bits[3]
    bits[20] = bits[5]
    bits[20, :9] ^= True
    bits[21] = bits[5]
    bits[21, :5] ^= True
    found = near_pairs(np.packbits(bits, axis=1), 9)
    assert found == [(0, 3, 7), (4, 20, 21), (5, 5, 21), (9, 5, 20)]
    assert near_pairs(np.packbits(bits, axis=1), 8) == found[:3]
    assert near_pairs(np.packbits(bits[:1], axis=1)) == []


def changed_a_little(number):
    """Prints of 12 pictures, each many times, with some bits changed."""
    rng = np.random.default_rng(number)
    bits = (rng.random((12, 256)) < 0.5)[rng.integers(0, 12, number)]
    share = rng.choice([0, 0.02, 0.05, 0.09], (number, 1))
    return np.packbits(bits ^ (rng.random(bits.shape) < share), axis=1)


def pairs_by_definition(prints, most):
    """Every image with every later one, as whole numbers of Python."""
    numbers = [int.from_bytes(row.tobytes(), 'big') for row in prints]
    return [
        (bits, one, other)
        for one, other in combinations(range(len(numbers)), 2)
        if (bits := (numbers[one] ^ numbers[other]).bit_count()) <= most
    ]


def sets_by_definition(pairs):
    """Join sets as long as a pair connects two."""
    sets = []
    for _, one, other in pairs:
        touched = [s for s in sets if {one, other} & s]
        sets = [s for s in sets if s not in touched]
        sets.append({one, other}.union(*touched))
    return sorted(sorted(s) for s in sets)


@pytest.mark.parametrize('most', [0, 3, 24, 25, 256])
@pytest.mark.parametrize('block', [7, 64, 1024])
def test_blocks_of_any_size_find_what_every_image_with_every_other_finds(
    monkeypatch, block, most
):
    prints = changed_a_little(150)
    monkeypatch.setattr(near_copies, '_BLOCK', block)
    pairs = pairs_by_definition(prints, most)
    assert near_pairs(prints, most) == sorted(pairs)
    assert near_sets(prints, most) == sets_by_definition(pairs)


def test_more_images_than_a_block_has():
    prints = changed_a_little(1100)
    pairs = pairs_by_definition(prints, MOST_BITS)
    assert near_pairs(prints) == sorted(pairs)
    assert near_sets(prints) == sets_by_definition(pairs)


@pytest.mark.parametrize(
    ('number', 'blocks'), [(1024, 1), (1025, 3), (2049, 6)]
)
@pytest.mark.parametrize('find', [near_pairs, near_sets])
def test_all_comparisons_are_counted_before_the_first(find, number, blocks):
    rng = np.random.default_rng(0)
    prints = rng.integers(0, 256, (number, 32), dtype=np.uint8)
    seen = []

    def progress(items):
        seen.append(len(items))
        return items

    assert find(prints, 0, progress) == []
    assert seen == [blocks]


def reencoded(image, quality):
    ok, content = cv2.imencode(
        '.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert ok
    return cv2.imdecode(content, cv2.IMREAD_COLOR)


@pytest.mark.parametrize('how', ['half', 'twice', 'squashed', 'jpeg'])
def test_a_copy_is_near_and_another_image_is_not(how):
    make = {
        'half': lambda image: cv2.resize(
            image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
        ),
        'twice': lambda image: cv2.resize(image, None, fx=2, fy=2),
        'squashed': lambda image: cv2.resize(image, (100, 100)),
        'jpeg': lambda image: reencoded(image, 30),
    }[how]
    images = [smooth(seed) for seed in range(4)]
    prints = [fingerprint(image) for image in images]
    copies = [fingerprint(make(image)) for image in images]
    pairs = near_pairs(np.array(prints + copies))
    assert {(one, other) for _, one, other in pairs} == {
        (n, n + 4) for n in range(4)
    }


def test_frames_of_other_videos_are_not_near(clinicdb_archive):
    videos = {'1': '1 2 3 4', '5': '79 80', '9': '178 179', '13': '253 254'}
    names, prints = [], []
    with zipfile.ZipFile(clinicdb_archive) as archive:
        for video, frames in videos.items():
            for frame in frames.split():
                content = archive.read(f'CVC-ClinicDB/images/{frame}.jpg')
                image = cv2.imdecode(
                    np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR
                )
                names.append(video)
                prints.append(fingerprint(image[..., ::-1].copy()))
    pairs = near_pairs(np.array(prints), most=2 * MOST_BITS)
    assert all(
        bits > MOST_BITS or names[one] == names[other]
        for bits, one, other in pairs
    )
    assert all(one.bits <= other.bits for one, other in pairwise(pairs))


def test_chains_of_near_pairs_are_one_set():
    """Prints that differ in bits 0..n from an empty one: n bits apart."""
    ends = (0, 40, 20, 256, 60, 240)
    bits = [[int(bit < end) for bit in range(256)] for end in ends]
    prints = np.packbits(np.array(bits), axis=1)
    assert near_sets(prints) == [[0, 1, 2, 4], [3, 5]]
    assert near_sets(prints, most=19) == [[3, 5]]
    assert near_sets(prints[:1]) == near_sets(prints[:0]) == []
