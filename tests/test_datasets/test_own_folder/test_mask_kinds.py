# Copyright (c) gps_seg contributors. Apache-2.0.
"""Every kind of mask becomes the classes that were drawn."""

import numpy as np
import pytest
from PIL import Image

from gps_seg.datasets.own_folder import LoadMask, look

COLOURS = np.array(
    [[0, 0, 0], [255, 0, 0], [0, 128, 255], [240, 240, 20]], np.uint8
)


def loaded(found):
    """Classes of all masks, by the transform."""
    transform = LoadMask(found.rule)
    return [
        transform(
            {'seg_map_path': f'{found.masks}/{pair.mask}', 'seg_fields': []}
        )['gt_seg_map']
        for pair in found.pairs
    ]


def check(folder, expected, found, noise=0.0):
    """Compare with the drawn classes; 255 is ignored."""
    for labels, classes in zip(expected, loaded(found), strict=True):
        assert classes.dtype == np.uint8
        assert (classes != labels).mean() <= noise
    drawn = np.stack(expected)
    kept = drawn[drawn != 255]
    shares = [(kept == c).mean() for c in range(len(found.classes))]
    np.testing.assert_allclose(found.shares, shares, atol=noise + 1e-9)
    assert found.ignored == pytest.approx((drawn == 255).mean(), abs=noise)
    if not noise:
        holding = [
            sum((labels == c).any() for labels in expected)
            for c in range(len(found.classes))
        ]
        assert list(found.holding) == holding


def at(folder, **options):
    return look(folder.images, folder.masks, **options)


def palette_picture(colours):
    def encode(labels):
        picture = Image.fromarray(labels).convert('L')
        picture = Image.frombytes('P', picture.size, picture.tobytes())
        picture.putpalette(np.asarray(colours).astype(np.uint8).tobytes())
        return picture

    return encode


def test_labels_are_classes(folder):
    drawn = folder.fill(lambda labels: labels, 5)
    found = at(folder)
    check(folder, drawn, found)
    assert found.rule == {
        'kind': 'values',
        'values': [0, 1, 2, 3, 4],
        'classes': [0, 1, 2, 3, 4],
    }
    assert found.classes == ('background', *(f'class {n}' for n in '1234'))
    assert found.background


def test_labels_with_gaps_keep_their_order(folder):
    values = np.array([0, 3, 7, 12], np.uint8)
    drawn = folder.fill(lambda labels: values[labels], 4)
    check(folder, drawn, at(folder))


def test_a_value_far_above_the_labels_is_ignored(folder):
    values = np.array([0, 1, 2, 3, 255], np.uint8)
    drawn = folder.fill(lambda labels: values[labels], 5)
    found = at(folder)
    check(folder, [np.where(d == 4, 255, d) for d in drawn], found)
    assert len(found.classes) == 4
    assert any(note.startswith('255 is ignored') for note in found.notes)


@pytest.mark.parametrize('values', [(0, 128, 255), (0, 85, 170, 255)])
def test_grey_levels_at_equal_distances_are_classes(folder, values):
    table = np.array(values, np.uint8)
    drawn = folder.fill(lambda labels: table[labels], len(values))
    check(folder, drawn, at(folder))


def test_camvid_with_a_void_that_is_named(folder):
    drawn = folder.fill(lambda labels: labels, 12)
    names = [*(f'thing {n}' for n in range(11)), 'Void']
    found = at(folder, classes=names)
    check(folder, [np.where(d == 11, 255, d) for d in drawn], found)
    assert found.classes == tuple(names[:11])
    assert not found.background and not found.without_object
    assert 'Ignored by name: Void.' in found.notes


@pytest.mark.parametrize('values', [(0, 255), (0, 1), (3, 9)])
def test_the_lower_of_two_values_is_the_background(folder, values):
    table = np.array(values, np.uint8)
    drawn = folder.fill(lambda labels: table[labels], 2)
    found = at(folder)
    check(folder, drawn, found)
    assert found.classes == ('background', 'object')
    assert found.background


def test_black_and_white_may_be_named_by_colour(folder):
    drawn = folder.fill(lambda labels: 255 * labels, 2)
    found = at(folder, classes={'#000000': 'background', '#ffffff': 'polyp'})
    check(folder, drawn, found)
    assert found.classes == ('background', 'polyp')


def test_one_bit_is_two_values(folder):
    drawn = folder.fill(lambda labels: Image.fromarray(labels > 0), 2)
    check(folder, drawn, at(folder, classes=['polyp']))


@pytest.mark.parametrize('channels', [1, 3])
def test_noise_of_jpeg_is_cut_in_the_middle(folder, channels):
    def encode(labels):
        grey = (255 * labels).astype(np.uint8)
        return grey if channels == 1 else np.stack([grey] * 3, -1)

    drawn = folder.fill(encode, 2, suffix='.jpg')
    found = at(folder, classes=['polyp'])
    assert found.rule == {'kind': 'threshold', 'above': 127}
    assert found.classes == ('background', 'polyp')
    stored = [np.asarray(Image.open(folder.masks / f'{n}.jpg')) for n in '012']
    grey = [mask if mask.ndim == 2 else mask[..., 0] for mask in stored]
    assert len(np.unique(grey)) > 2  # there is noise
    for mask, classes in zip(grey, loaded(found), strict=False):
        np.testing.assert_array_equal(classes, mask > 127)
    check(folder, drawn, found, noise=0.02)


def test_soft_outlines_without_loss_are_cut_in_the_middle(folder):
    def encode(labels):
        picture = Image.fromarray((255 * labels).astype(np.uint8))
        large = picture.resize((128, 96)).resize((90, 70))
        return large.resize(picture.size)

    drawn = folder.fill(encode, 2)
    found = at(folder)
    assert found.rule['kind'] == 'threshold'
    check(folder, drawn, found, noise=0.05)


@pytest.mark.parametrize(
    'table',
    [
        # Black, white, and what lies between at outlines.
        [0, 64, 120, 192, 255],
        # Noise around black and white, as after JPEG.
        [0, 1, 252, 254, 255],
    ],
)
def test_noise_without_loss_is_cut_in_the_middle(folder, table):
    def encode(labels):
        levels = 4 * labels
        border = np.roll(labels, 1, 1) != labels
        levels[border] = np.arange(border.sum()) % 3 + 1
        return np.array(table, np.uint8)[levels]

    folder.fill(encode, 2)
    found = at(folder)
    assert found.rule['kind'] == 'threshold'
    for index, classes in enumerate(loaded(found)):
        stored = np.asarray(Image.open(folder.masks / f'{index}.png'))
        np.testing.assert_array_equal(classes, stored > 127)


def test_exact_colours_are_classes(folder):
    drawn = folder.fill(lambda labels: COLOURS[labels], 4)
    found = at(folder)
    order = [0, 2, 3, 1]  # by red, then green, then blue
    index = np.argsort(order)
    check(folder, [index[labels] for labels in drawn], found)
    assert found.rule['kind'] == 'colours'
    assert found.rule['colours'] == COLOURS[order].tolist()
    assert found.palette == tuple(map(tuple, COLOURS[order].tolist()))
    assert found.classes[0] == 'background'
    assert found.classes[3] == '#ff0000'


def test_colours_take_the_order_and_the_names_that_are_given(folder):
    drawn = folder.fill(lambda labels: COLOURS[labels], 4)
    names = {
        '#000000': 'background',
        (255, 0, 0): 'liver',
        '#0080ff': 'ignored',
        '#f0f014': 'liver',
        '#123456': 'spleen',
    }
    names = {
        k if isinstance(k, str) else '#ff0000': v for k, v in names.items()
    }
    found = at(folder, classes=names)
    assert found.classes == ('background', 'spleen', 'liver')
    table = np.array([0, 2, 255, 2])
    check(folder, [table[labels] for labels in drawn], found)


def test_a_mapping_may_have_colours_as_numbers(folder):
    drawn = folder.fill(lambda labels: COLOURS[labels], 2)
    names = {(0, 0, 0): 'background', (255, 0, 0): 'liver'}
    found = at(folder, classes=names)
    assert found.classes == ('background', 'liver')
    check(folder, drawn, found)


@pytest.mark.parametrize('named', [False, True])
def test_noisy_colours_take_the_nearest(folder, named):
    def encode(labels):
        return COLOURS[np.kron(labels, np.ones((4, 4), np.uint8))]

    for index in range(6):
        folder.image(f'{index}.png', (192, 256))
        labels = folder.draw(index, 4)
        folder.mask(f'{index}.jpg', encode(labels))
    names = {
        f'#{r:02x}{g:02x}{b:02x}': f'c{n}'
        for n, (r, g, b) in enumerate(COLOURS.tolist())
    }
    found = at(folder, classes=names if named else None)
    assert found.rule['kind'] == 'nearest_colours'
    centre = np.array(found.rule['colours'])
    assert abs(centre - COLOURS[[0, 2, 3, 1]]).max() <= 4
    classes = loaded(found)
    for index in range(6):
        stored = np.asarray(Image.open(folder.masks / f'{index}.jpg'))
        distance = abs(stored.astype(int)[:, :, None] - centre).max(-1)
        np.testing.assert_array_equal(classes[index], distance.argmin(-1))
        large = np.kron(folder.draw(index, 4), np.ones((4, 4), np.uint8))
        drawn = np.argsort([0, 2, 3, 1])[large]
        assert (classes[index] != drawn).mean() < 0.02
    counts = [(np.stack(classes) == c).mean() for c in range(4)]
    np.testing.assert_allclose(found.shares, counts, atol=0.01)


def test_a_colour_without_a_name_is_found_among_noise(folder):
    for index in range(6):
        folder.image(f'{index}.png', (192, 256))
        labels = np.kron(folder.draw(index, 4), np.ones((4, 4), np.uint8))
        folder.mask(f'{index}.jpg', COLOURS[labels])
    names = {'#000000': 'background', '#ff0000': 'a', '#0080ff': 'b'}
    with pytest.raises(ValueError, match=r'got none for #(ef|f0)f0\w\w'):
        at(folder, classes=names)


def test_the_indices_of_one_palette_are_labels(folder):
    drawn = folder.fill(palette_picture(COLOURS), 4)
    found = at(folder)
    assert found.rule['values'] == [0, 1, 2, 3]
    check(folder, drawn, found)
    assert found.palette == tuple(map(tuple, COLOURS.tolist()))


def test_palettes_that_differ_are_read_as_colours(folder):
    drawn = folder.fill(palette_picture(COLOURS), 4)
    table = np.array([0, 2, 1, 3], np.uint8)
    other = palette_picture(COLOURS[table])
    folder.mask('0.png', other(table[drawn[0]]))  # the same colours
    found = at(folder)
    assert found.rule['kind'] == 'colours'
    index = np.argsort([0, 2, 3, 1])
    check(folder, [index[labels] for labels in drawn], found)


def test_a_palette_from_white_to_black_has_a_black_background(folder):
    white_first = palette_picture([[255, 255, 255], [0, 0, 0]])
    drawn = folder.fill(lambda labels: white_first(1 - labels), 2)
    found = at(folder)
    check(folder, drawn, found)
    assert found.classes == ('background', '#ffffff')


def test_labels_of_16_bits(folder):
    table = np.array([0, 300, 65535, 1000], np.uint16)
    drawn = folder.fill(lambda labels: table[labels], 2)
    check(folder, drawn, at(folder))
    drawn = folder.fill(lambda labels: table[[0, 1, 3]][labels], 3)
    found = at(folder)
    assert found.rule['values'] == [0, 300, 1000]
    check(folder, drawn, found)


def test_whole_numbers_in_floating_point(folder):
    def encode(labels):
        return Image.fromarray(labels.astype(np.float32))

    check(folder, folder.fill(encode, 3, suffix='.tif'), at(folder))


@pytest.mark.parametrize('hidden', [0, 77])
def test_transparent_pixels_are_black(folder, hidden):
    def encode(labels):
        rgba = np.full((*labels.shape, 4), hidden, np.uint8)
        rgba[labels == 1] = (255, 0, 0, 255)
        rgba[labels == 0, 3] = 0
        return rgba

    drawn = folder.fill(encode, 2)
    found = at(folder, classes=['liver'])
    assert found.classes == ('background', 'liver')
    check(folder, drawn, found)


def test_names_of_labels_may_leave_out_the_background(folder):
    drawn = folder.fill(lambda labels: labels, 4)
    found = at(folder, classes=['a', 'b', 'c'])
    assert found.classes == ('background', 'a', 'b', 'c')
    check(folder, drawn, found)
    found = at(folder, classes=['z', 'a', 'b', 'c'])
    assert found.classes == ('z', 'a', 'b', 'c') and not found.background
    check(folder, drawn, found)


def test_names_may_be_given_for_labels_that_do_not_occur(folder):
    drawn = folder.fill(lambda labels: labels, 3)
    found = at(folder, classes=['a', 'b', 'c', 'd', 'e'])
    assert found.rule['values'] == [0, 1, 2, 3, 4]
    check(folder, drawn, found)
    table = np.array([0, 2, 4], np.uint8)
    drawn = folder.fill(lambda labels: table[labels], 3)
    found = at(folder, classes=['a', 'b', 'c', 'd', 'e'])
    assert found.classes == ('a', 'b', 'c', 'd', 'e')
    check(folder, [table[labels] for labels in drawn], found)


def test_the_background_becomes_class_0(folder):
    drawn = folder.fill(lambda labels: labels, 3)
    found = at(folder, classes={0: 'sky', 1: 'road', 2: 'background'})
    assert found.classes == ('background', 'sky', 'road')
    check(folder, [np.array([1, 2, 0])[labels] for labels in drawn], found)
