# Copyright (c) gps_seg contributors. Apache-2.0.
"""Odd inputs: a rule for each, or an error that names the file."""

import io
import re

import numpy as np
import pytest
from mmengine.registry import DATASETS, init_default_scope
from PIL import Image

from gps_seg.datasets import convert_polyps

SIZE = (40, 60)
POLYP = np.zeros(SIZE, bool)
POLYP[8:30, 10:40] = True
PHOTO = np.random.default_rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8)


def stored(pixels, kind='PNG', **options):
    buffer = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else None
    image = image or Image.fromarray(pixels)
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def mask_of(value, dtype=np.uint8, polyp=POLYP):
    return (polyp * value).astype(dtype)


def channels(*factors):
    """A mask in the colour of these channels."""
    return np.dstack([mask_of(255) * factor for factor in factors])


def in_palette(*colours):
    image = Image.new('P', SIZE[::-1])
    image.putdata(mask_of(1).ravel().tolist())
    image.putpalette([value for colour in colours for value in colour])
    return image


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return stored(PHOTO, 'JPEG', exif=exif)


OPAQUE = np.full(SIZE, 255, np.uint8)
IMAGES = {
    'grey': stored(PHOTO[..., 0]),
    'grey of 16 bits': stored(PHOTO[..., 0].astype(np.uint16) * 257),
    'grey with alpha': stored(np.dstack([PHOTO[..., 0], OPAQUE])),
    'RGBA': stored(np.dstack([PHOTO, OPAQUE])),
    'palette': stored(Image.fromarray(PHOTO).convert('P')),
    'JPEG': stored(PHOTO, 'JPEG'),
    'upright by EXIF': turned(1),
}
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
MASKS = {
    '0 and 255': stored(mask_of(255)),
    'one bit': stored(Image.fromarray(mask_of(255)).convert('1')),
    '16 bits, 0 and 65535': stored(mask_of(65535, np.uint16)),
    '16 bits, 0 and 255': stored(mask_of(255, np.uint16)),
    '16 bits, 0 and 256': stored(mask_of(256, np.uint16)),
    'JPEG': stored(mask_of(255), 'JPEG', quality=75),
    'JPEG of three channels': stored(channels(1, 1, 1), 'JPEG', quality=75),
    'RGBA': stored(np.dstack([channels(1, 1, 1), OPAQUE])),
    'palette of white': stored(in_palette(BLACK, WHITE)),
}
EMPTY = r'expected a polyp, got an empty mask \(no pixel above 127, the bri'
BAD_MASKS = {
    'empty': (stored(mask_of(0)), f'{EMPTY}ghtest is 0'),
    'of 0 and 1 alone in the set': (stored(mask_of(1)), f'{EMPTY}.* is 1'),
    '16 bits, of 0 and 1': (stored(mask_of(1, np.uint16)), f'{EMPTY}.* is 1'),
    'of 0 and 128': (stored(mask_of(128)), 'expected two values'),
    'red': (stored(channels(1, 0, 0)), 'expected two values'),
    'blue': (stored(channels(0, 0, 1)), f'{EMPTY}ghtest is 29'),
    'dark palette': (
        stored(in_palette(BLACK, (128, 0, 0))),
        'expected two values',
    ),
    'only in alpha': (
        stored(np.dstack([channels(0, 0, 0), mask_of(255)])),
        f'{EMPTY}ghtest is 0',
    ),
    'of another size': (
        stored(mask_of(255)[::2, ::2].copy()),
        r'size of its image, 60 x 40 .*, got 30 x 20',
    ),
    'turned': (
        stored(mask_of(255).T.copy()),
        r'size of its image, 60 x 40 .*, got 40 x 60',
    ),
    'cut short': (stored(mask_of(255))[:60], 'cannot decode'),
}


def write(folder, pairs):
    for id_, (image, mask) in pairs.items():
        for kind, content in (('images', image), ('masks', mask)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            if content is not None:
                (folder / kind / f'{id_}.png').write_bytes(content)
    return folder


def convert(tmp_path, pair, others=255):
    """Convert a pair beside two good ones; the classes of its mask."""
    good = stored(PHOTO[::-1].copy()), stored(mask_of(others))
    source = write(tmp_path / 'source', {'a': good, 'x': pair, 'z': good})
    report = convert_polyps(source, tmp_path / 'out')
    assert report.num_pairs == 3
    return np.asarray(Image.open(tmp_path / 'out/masks/x.png')), report


def refused(tmp_path, pair, others=255):
    with pytest.raises(ValueError, match='found 1. Nothing was') as error:
        convert(tmp_path, pair, others)
    assert not (tmp_path / 'out').exists()
    return str(error.value)


@pytest.mark.parametrize('kind', IMAGES)
def test_the_converter_copies_images_of_any_mode(tmp_path, kind):
    classes, _ = convert(tmp_path, (IMAGES[kind], MASKS['0 and 255']))
    assert (classes == POLYP).all()
    copied = (tmp_path / 'out/images/x.png').read_bytes()
    assert copied == IMAGES[kind]


@pytest.mark.parametrize('shape', [(1, 200), (90, 30), (7, 5)])
def test_every_image_has_its_own_size(tmp_path, shape):
    pair = (
        stored(np.zeros((*shape, 3), np.uint8)),
        stored(np.full(shape, 255, np.uint8)),
    )
    classes, report = convert(tmp_path, pair)
    assert classes.shape == shape
    assert report.sizes == {'60x40': 2, f'{shape[1]}x{shape[0]}': 1}


@pytest.mark.parametrize('kind', MASKS)
def test_the_converter_reads_masks(tmp_path, kind):
    classes, _ = convert(tmp_path, (stored(PHOTO), MASKS[kind]))
    # JPEG may move a value near the outline across the threshold.
    assert (classes != POLYP).mean() <= (0.005 if 'JPEG' in kind else 0)
    assert classes.dtype == np.uint8
    assert np.unique(classes).tolist() == [0, 1]


@pytest.mark.parametrize('kind', BAD_MASKS)
def test_the_converter_refuses_a_mask_by_its_name(tmp_path, kind):
    mask, message = BAD_MASKS[kind]
    text = refused(tmp_path, (stored(PHOTO), mask))
    assert re.search(rf'masks/x\.png: .*{message}', text)


@pytest.mark.parametrize('orientation', [2, 3, 6])
def test_an_image_that_viewers_turn_is_refused(tmp_path, orientation):
    text = refused(tmp_path, (turned(orientation), MASKS['0 and 255']))
    assert re.search(
        rf'images/x\.png: .*EXIF orientation {orientation}, by', text
    )


@pytest.mark.parametrize(
    ('missing', 'message'),
    [(0, 'x: is a mask without an image'), (1, 'x: is an image without a ma')],
)
def test_half_a_pair_is_refused(tmp_path, missing, message):
    pair = [stored(PHOTO), MASKS['0 and 255']]
    pair[missing] = None
    assert message in refused(tmp_path, pair)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_masks_of_0_and_1_throughout_are_classes(tmp_path, dtype):
    pair = stored(PHOTO), stored(mask_of(1, dtype))
    classes, report = convert(tmp_path, pair, others=1)
    assert (classes == POLYP).all()
    assert 'the masks hold 0 and 1; 1 was taken as polyp' in report.notes


def test_an_empty_mask_among_classes_is_refused(tmp_path):
    text = refused(tmp_path, (stored(PHOTO), stored(mask_of(0))), others=1)
    assert re.search(rf'masks/x\.png: {EMPTY}', text)


# --- what is loaded without a converter -----------------------------------


def loaded(tmp_path, image, mask):
    """A sample of the data set, by the steps of our test pipelines."""
    root = write(tmp_path, {'x': (image, mask)})
    (root / 'splits').mkdir()
    (root / 'splits/all.txt').write_text('x\n')
    init_default_scope('mmseg')
    dataset = DATASETS.build(
        {
            'type': 'PolypDataset',
            'data_root': str(root),
            'ann_file': 'splits/all.txt',
            'img_suffix': '.png',
            'pipeline': [
                {'type': 'LoadImageFromFile'},
                {'type': 'Resize', 'scale': (28, 14), 'keep_ratio': False},
                {'type': 'LoadAnnotations'},
                {'type': 'CheckLabels', 'num_classes': 2},
                {'type': 'PackSegInputs'},
            ],
        }
    )
    return dataset[0]


@pytest.mark.parametrize('kind', IMAGES)
def test_images_of_any_mode_are_loaded_as_three_channels(tmp_path, kind):
    sample = loaded(tmp_path, IMAGES[kind], stored(mask_of(1)))
    assert sample['inputs'].shape == (3, 14, 28)
    labels = sample['data_samples'].gt_sem_seg.data.numpy()
    assert (labels == POLYP).all()


def test_an_empty_mask_is_background(tmp_path):
    sample = loaded(tmp_path, stored(PHOTO), stored(mask_of(0)))
    assert not sample['data_samples'].gt_sem_seg.data.any()


RAW = {
    '0 and 255': "a pixel of 'polyp'",
    '16 bits, 0 and 65535': "a pixel of 'polyp'",
    'JPEG': r'expected labels 0\.\.1 or 255, got',
    'JPEG of three channels': 'expected one channel',
    'RGBA': 'expected one channel',
}


@pytest.mark.parametrize('kind', RAW)
def test_masks_as_published_are_refused_by_name(tmp_path, kind):
    with pytest.raises(ValueError, match=rf'masks/x\.png: .*{RAW[kind]}'):
        loaded(tmp_path, stored(PHOTO), MASKS[kind])


@pytest.mark.parametrize('labels', [mask_of(1)[::2, ::2], mask_of(1).T])
def test_a_mask_of_another_size_is_refused_by_name(tmp_path, labels):
    with pytest.raises(ValueError, match=r'masks/x\.png: .*the shape of its'):
        loaded(tmp_path, stored(PHOTO), stored(labels.copy()))


def test_an_image_on_its_side_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r'masks/x\.png: .*the shape of its'):
        loaded(tmp_path, turned(6), stored(mask_of(1)))


@pytest.mark.parametrize('missing', ['images', 'masks'])
def test_half_a_pair_is_missed_at_once(tmp_path, missing):
    pair = {'images': stored(PHOTO), 'masks': stored(mask_of(1))}
    pair[missing] = None
    with pytest.raises(FileNotFoundError, match=rf'{missing}/x\.png'):
        loaded(tmp_path, *pair.values())
