# Copyright (c) gps_seg contributors. Apache-2.0.
"""Files from users: read as in a training, or refused in one line."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.app.inputs import picture as module  # noqa: E402
from gps_seg.app.inputs.examples import examples_in, examples_of  # noqa: E402
from gps_seg.app.inputs.picture import Picture, read_picture  # noqa: E402
from gps_seg.app.inputs.truth import labels_of, read_truth  # noqa: E402

POLYP = ('background', 'polyp')


@pytest.fixture
def rgb():
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)


def png_header(width, height):
    """The start of a PNG of any size, without pixels."""

    def chunk(name, data):
        sum_of_it = struct.pack('>I', zlib.crc32(name + data))
        return struct.pack('>I', len(data)) + name + data + sum_of_it

    size = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b'IDAT', zlib.compress(b''))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', size) + pixels


def test_a_colour_image_is_unchanged(tmp_path, rgb):
    Image.fromarray(rgb).save(tmp_path / 'a.png')
    picture = read_picture(tmp_path / 'a.png')
    assert (picture.pixels == rgb).all()
    assert (picture.in_file, picture.note) == ((30, 40), '')


def test_grey_becomes_three_equal_channels(tmp_path, rgb):
    Image.fromarray(rgb[..., 0]).save(tmp_path / 'a.png')
    picture = read_picture(tmp_path / 'a.png')
    assert (picture.pixels == rgb[..., :1]).all()


def test_an_alpha_channel_is_dropped(tmp_path, rgb):
    alpha = np.full((30, 40, 1), 7, np.uint8)
    Image.fromarray(np.concatenate([rgb, alpha], 2)).save(tmp_path / 'a.png')
    assert (read_picture(tmp_path / 'a.png').pixels == rgb).all()


def test_of_16_bits_the_upper_8_are_kept(tmp_path, rgb):
    wide = rgb.astype(np.uint16) * 256 + 9
    cv2.imwrite(str(tmp_path / 'a.png'), wide[..., ::-1])
    assert (read_picture(tmp_path / 'a.png').pixels == rgb).all()
    cv2.imwrite(str(tmp_path / 'b.png'), wide[..., 0])
    assert (read_picture(tmp_path / 'b.png').pixels == rgb[..., :1]).all()


def test_the_rotation_of_a_camera_is_applied(tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # turn clockwise by 90 degrees
    left, right = np.full((32, 24, 3), 40, np.uint8), np.full((32, 24, 3), 200)
    image = Image.fromarray(np.hstack([left, right.astype(np.uint8)]))
    image.save(tmp_path / 'a.jpg', exif=exif)
    picture = read_picture(tmp_path / 'a.jpg')
    assert picture.in_file == picture.size == (48, 32)
    assert picture.pixels[:20].max() < 60  # what was left is at the top
    assert picture.pixels[28:].min() > 180


def test_a_large_image_is_scaled_down_with_a_note(tmp_path, monkeypatch, rgb):
    monkeypatch.setattr(module, 'MOST_PIXELS', 300)
    Image.fromarray(rgb).save(tmp_path / 'a.png')
    picture = read_picture(tmp_path / 'a.png')
    assert picture.size == (15, 20)
    assert picture.note == 'Scaled down from 40 x 30 to 20 x 15 pixels.'
    means = rgb.reshape(15, 2, 20, 2, 3).mean(axis=(1, 3))
    assert abs(picture.pixels - means).max() <= 1


@pytest.mark.parametrize('size', [(20_000, 20_000), (20_000, 4_000)])
def test_an_image_of_20000_pixels_is_refused_unread(tmp_path, size):
    (tmp_path / 'a.png').write_bytes(png_header(*size))
    with pytest.raises(ValueError, match='64 million pixels or fewer'):
        read_picture(tmp_path / 'a.png')


def test_a_small_image_is_refused(tmp_path, rgb):
    Image.fromarray(rgb[:9]).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='16 pixels or more .* 40 x 9'):
        read_picture(tmp_path / 'a.png')


@pytest.mark.parametrize('name', ['notes.txt', 'image.png', 'empty.png'])
def test_a_file_that_is_no_image_is_refused(tmp_path, name):
    text = '' if name == 'empty.png' else 'no image\n' * 40
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match='expected one of BMP, JPEG, PNG'):
        read_picture(tmp_path / name)


def test_an_image_without_pixels_is_refused(tmp_path, capfd):
    (tmp_path / 'a.png').write_bytes(png_header(40, 30))
    with pytest.raises(ValueError, match='can be decoded'):
        read_picture(tmp_path / 'a.png')


@pytest.mark.parametrize(
    ('values', 'num_classes', 'expected'),
    [
        ([[0, 255]], 2, [[0, 1]]),  # black and white
        ([[3, 252]], 2, [[0, 1]]),  # the same from a JPEG
        ([[0, 0]], 2, [[0, 0]]),
        ([[0, 1, 255]], 2, [[0, 1, 255]]),  # labels, and ignored pixels
        ([[0, 2, 1, 255]], 3, [[0, 2, 1, 255]]),
    ],
)
def test_values_of_a_mask_become_labels(values, num_classes, expected):
    assert labels_of(np.array(values), num_classes).tolist() == expected
    three = np.repeat(np.array(values)[..., None], 3, axis=2)
    assert labels_of(three, num_classes).tolist() == expected


def test_colours_of_a_mask_become_labels():
    palette = ((0, 0, 0), (10, 20, 30))
    mask = np.array([[[10, 20, 30], [0, 0, 0]]], np.uint8)
    assert labels_of(mask, 2, palette).tolist() == [[1, 0]]
    mask[0, 1] = (1, 2, 3)
    with pytest.raises(ValueError, match=r'the colour \(1, 2, 3\)'):
        labels_of(mask, 2, palette)


def test_labels_of_no_class_are_refused():
    with pytest.raises(ValueError, match=r'0 to 2 or 255, got \[3, 9\]'):
        labels_of(np.array([[3, 9, 1]]), 3)


def test_a_mask_is_scaled_down_with_its_image(tmp_path, rgb):
    mask = np.kron(np.eye(15, 20, dtype=np.uint8), np.ones((2, 2), np.uint8))
    Image.fromarray(255 * mask).save(tmp_path / 'a.png')
    picture = Picture(rgb[::2, ::2], (30, 40))
    truth = read_truth(tmp_path / 'a.png', picture, POLYP)
    assert (truth == np.eye(15, 20)).all()


def test_a_mask_of_another_size_is_refused(tmp_path, rgb):
    Image.fromarray(rgb[:20, :, 0]).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='its image, 40 x 30, got 40 x 20'):
        read_truth(tmp_path / 'a.png', Picture(rgb, (30, 40)), POLYP)


def test_examples_have_the_masks_of_their_names(tmp_path, rgb):
    for name in ('images', 'masks'):
        (tmp_path / name).mkdir()
    for number in range(14):
        image = Image.fromarray(rgb + np.uint8(number))
        image.save(tmp_path / f'images/{number:02}.png')
    Image.fromarray(rgb[..., 0]).save(tmp_path / 'masks/01.png')
    examples = examples_in(tmp_path)
    names = [f'{number:02}.png' for number in range(12)]
    assert [example.image.name for example in examples.all] == names
    copied = tmp_path / 'copy.png'
    copied.write_bytes((tmp_path / 'images/01.png').read_bytes())
    assert examples.mask_of(copied) == tmp_path / 'masks/01.png'
    assert examples.mask_of(tmp_path / 'images/02.png') is None


def test_validation_images_are_offered_if_they_are_there(tmp_path, rgb):
    for name in ('images', 'masks', 'splits'):
        (tmp_path / name).mkdir()
    for name in 'ab':
        Image.fromarray(rgb).save(tmp_path / f'images/{name}.png')
        Image.fromarray(rgb[..., 0] // 128).save(
            tmp_path / f'masks/{name}.png'
        )
    (tmp_path / 'splits/val.txt').write_text('b\n')
    dataset = dict(type='PolypDataset', data_root=str(tmp_path))
    dataset |= dict(ann_file='splits/val.txt', img_suffix='.png')
    config = Config({'val_dataloader': {'dataset': dataset}})
    (example,) = examples_of(config).all
    assert example.image == tmp_path / 'images/b.png'
    assert example.mask == tmp_path / 'masks/b.png'
    (tmp_path / 'splits/val.txt').unlink()
    assert examples_of(config).all == []
    assert examples_of(Config({'model': {}})).all == []


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(ValueError, match='--examples: expected images'):
        examples_in(tmp_path)
    with pytest.raises(NotADirectoryError, match='--examples: expected'):
        examples_in(tmp_path / 'missing')
