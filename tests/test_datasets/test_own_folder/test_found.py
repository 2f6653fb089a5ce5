# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a person and a program read about a folder."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from gps_seg.datasets.own_folder import examples, look, split, split_notes
from gps_seg.datasets.own_folder.opening import read_image
from gps_seg.datasets.own_folder.shown_pairs import choose


def test_a_person_reads_at_most_25_lines(folder):
    folder.fill(lambda labels: labels, 15)
    (folder.images / 'a.xml').touch()
    found = look(folder.images, folder.masks)
    lines = found.text().splitlines()
    assert len(lines) <= 25
    assert lines[0] == f'Images: 6 in {folder.images}'
    assert 'Sizes:  64x48 (6)' in lines
    assert 'and 7 smaller classes' in lines
    shown = [line.split() for line in lines]
    share = found.shares[0]
    assert ['background', f'{share:.3%}', '6'] in shown


def test_a_program_reads_plain_data(folder):
    folder.fill(lambda labels: labels, 3)
    found = look(folder.images, folder.masks, groups=r'^(\d)')
    facts = json.loads(json.dumps(found.to_json()))
    assert [c['name'] for c in facts['classes']] == list(found.classes)
    assert facts['groups'] == {str(n): str(n) for n in range(6)}
    shares = [c['pixel_share'] for c in facts['classes']]
    assert sum(shares) == pytest.approx(1)


def test_images_without_an_object_are_counted(folder):
    folder.fill(lambda labels: 255 * labels, 2)
    folder.mask('2.png', np.zeros((48, 64), np.uint8))
    found = look(folder.images, folder.masks)
    assert found.without_object == ('2',)
    assert 'Without an object: 1 images, such as 2' in found.text()


def test_images_without_a_mask_are_left_out_and_listed(folder):
    folder.fill(lambda labels: 255 * labels, 2)
    for name in ('new/8.png', '7.png'):
        folder.image(name)
    (folder.images / 'new/9.png').write_bytes(b'is not even opened')
    found = look(folder.images, folder.masks, skip_unlabelled=True)
    assert [pair.image for pair in found.pairs] == [
        f'{index}.png' for index in range(6)
    ]
    listed = found.to_json()['unlabelled']
    assert listed == ['7.png', 'new/8.png', 'new/9.png']
    assert '3 images without a mask are left out, such as 7' in found.text()


def test_copies_are_found_and_kept_together(folder):
    folder.fill(lambda labels: 255 * labels, 2)
    rng = np.random.default_rng(1)
    smooth = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    large = smooth.resize((64, 48), Image.Resampling.BICUBIC)
    large.save(folder.images / '1.png')
    large.save(folder.images / '4.png', quality=60)
    found = look(folder.images, folder.masks)
    assert found.near_copies == (('1', '4'),)
    assert any('2 images look like another' in note for note in found.notes)
    for seed in range(6):
        splits = split(found, seed=seed)
        names = [pair.name for pair in splits['val']]
        assert ('1' in names) == ('4' in names)
    assert any('look alike' in note for note in split_notes(found, splits))


@pytest.mark.parametrize('factor', [1, 256])
def test_images_of_16_bits_are_read_as_training_reads_them(folder, factor):
    folder.fill(lambda labels: 255 * labels, 2)
    rng = np.random.default_rng(2)
    for index in range(6):
        grey = rng.integers(0, 256, (48, 64)).astype(np.uint16) * factor
        Image.fromarray(grey).save(folder.images / f'{index}.png')
        read = cv2.imread(str(folder.images / f'{index}.png'))
        bytes_ = (folder.images / f'{index}.png').read_bytes()
        np.testing.assert_array_equal(read_image(bytes_), read)
    notes = look(folder.images, folder.masks).notes
    dark = [note for note in notes if 'nearly black' in note]
    assert len(dark) == (factor == 1)


def test_groups_that_look_alike_are_noted(folder, tmp_path):
    folder.fill(lambda labels: 255 * labels, 2)
    (folder.images / '1.png').write_bytes(
        (folder.images / '4.png').read_bytes()
    )
    notes = look(folder.images, folder.masks, groups=r'(\d)').notes
    assert any('such as 1 (1) and 4 (4); groups count' in n for n in notes)
    table = tmp_path / 'groups.csv'
    table.write_text('image,group\n0,a\n1,b\n2,a\n3,a\n4,b\n5,c\n')
    notes = look(folder.images, folder.masks, groups=table).notes
    assert not any('different groups' in note for note in notes)


def test_examples_show_the_extremes_and_every_class(folder):
    folder.fill(lambda labels: labels, 2)
    sizes = {0: 900, 1: 400, 2: 0, 3: 100, 4: 30, 5: 300}
    for index, size in sizes.items():
        labels = np.zeros((48, 64), np.uint8)
        labels.ravel()[:size] = 1
        if index == 5:
            labels[40:, 40:] = 2
        folder.mask(f'{index}.png', labels)
    found = look(folder.images, folder.masks)
    assert choose(found, 4) == {
        0: 'largest object',
        4: 'smallest object',
        2: 'no object',
        5: '',
    }
    shown = examples(found, 4)
    titles = [example.title.split('\n')[0] for example in shown]
    assert titles == ['0', '2', '4', '5']
    stored = np.asarray(Image.open(folder.masks / '5.png'))
    np.testing.assert_array_equal(shown[3].labels, stored)
    image = np.asarray(Image.open(folder.images / '5.png'))
    np.testing.assert_array_equal(shown[3].image, image)
    assert len(examples(found)) == 6


def test_examples_of_large_images_are_made_smaller(folder):
    for index in range(5):
        folder.image(f'{index}.png', (800, 1600))
        labels = np.zeros((800, 1600), np.uint8)
        labels[:400, index:] = 1
        folder.mask(f'{index}.png', labels)
    (first, *_) = examples(look(folder.images, folder.masks), 1)
    assert first.image.shape == (360, 720, 3)
    assert first.labels.shape == (360, 720)
    assert set(np.unique(first.labels)) == {0, 1}
