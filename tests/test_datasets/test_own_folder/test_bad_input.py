# Copyright (c) gps_seg contributors. Apache-2.0.
"""Whatever cannot be used is refused with all its names, and nothing else."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gps_seg.datasets.own_folder import look
from gps_seg.datasets.own_folder.looking import LEAST_PAIRS


@pytest.fixture
def good(folder):
    """Six pairs of white on black."""
    folder.fill(lambda labels: 255 * labels, 2)
    return folder


def at(folder, **options):
    return look(folder.images, folder.masks, **options)


def refusal(folder, **options):
    with pytest.raises(ValueError, match='expected') as caught:
        at(folder, **options)
    return str(caught.value)


def test_all_problems_come_at_once_and_ten_are_listed(good):
    for index in range(5):
        (good.masks / f'{index}.png').write_bytes(b'')
    for index in range(8):
        good.image(f'new{index}.png')
    text = refusal(good)
    assert 'found 13' in text
    assert text.count('\n  - ') == 11 and 'and 3 more' in text


def test_an_image_without_a_mask_and_the_reverse(good):
    (good.masks / '2.png').unlink()
    (good.images / '4.png').unlink()
    text = refusal(good)
    assert '2.png: is an image without a mask' in text
    assert '4.png: is a mask without an image' in text


def test_the_error_names_the_option_that_leaves_images_out(good):
    for index in (1, 4):
        (good.masks / f'{index}.png').unlink()
    text = refusal(good)
    assert 'found 2' in text
    assert 'leave out the 2 images without a mask' in text
    assert '--skip-unlabelled' in text and 'skip_unlabelled=True' in text


def test_a_mask_without_an_image_stays_an_error(good):
    (good.masks / '2.png').unlink()
    (good.images / '4.png').unlink()
    text = refusal(good, skip_unlabelled=True)
    assert 'found 1' in text and '--skip-unlabelled' not in text
    assert '4.png: is a mask without an image' in text


def test_too_few_images_with_masks_are_too_few(good):
    for index in (1, 4):
        (good.masks / f'{index}.png').unlink()
    text = refusal(good, skip_unlabelled=True)
    assert f'expected {LEAST_PAIRS} or more images with masks' in text
    assert 'got 4' in text


def test_two_masks_for_one_image(good):
    good.mask('3.bmp', np.zeros((48, 64), np.uint8))
    assert 'two masks for one image: 3.bmp, 3.png' in refusal(good)


def test_a_mask_for_each_class(folder):
    for index in range(6):
        folder.image(f'scan{index}.png')
        for organ in ('liver', 'spleen'):
            pixels = np.zeros((48, 64), np.uint8)
            folder.mask(f'scan{index}_{organ}.png', pixels)
    text = refusal(folder)
    assert 'found 6' in text
    assert re.search(
        r'two masks for one image: scan0_\w+\.png, scan0_\w+\.png', text
    )


def test_names_that_match_by_no_rule(good):
    for index in range(6):
        name = 'abcdef'[index]
        (good.masks / f'{index}.png').rename(good.masks / f'{name}.png')
    text = refusal(good)
    assert 'images such as 0.png, 1.png, 2.png' in text
    assert 'masks such as a.png, b.png, c.png' in text


def test_a_mask_of_another_size(good):
    good.mask('1.png', np.zeros((40, 64), np.uint8))
    assert (
        '1.png: expected the size of its image, 64 x 48 (width x height), got '
        '64 x 40'
    ) in refusal(good)


@pytest.mark.parametrize('kind', ['images', 'masks'])
@pytest.mark.parametrize('cut', [0, 60])
def test_files_cut_short(good, kind, cut):
    path = getattr(good, kind) / '5.png'
    path.write_bytes(path.read_bytes()[:cut])
    assert '5.png: expected a' in refusal(good)


@pytest.mark.parametrize('kind', ['images', 'masks'])
def test_turned_by_exif(good, kind):
    path = getattr(good, kind) / '5.png'
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(path) as picture:
        picture.load()
    path.unlink()
    picture.convert('RGB').save(path.with_suffix('.jpg'), exif=exif)
    assert '5.jpg: expected pixels that are stored upright' in refusal(good)


def test_several_pages(good):
    pages = [Image.new('L', (64, 48), value) for value in (0, 255)]
    (good.masks / '5.png').unlink()
    pages[0].save(good.masks / '5.tif', save_all=True, append_images=pages[1:])
    assert '5.tif: expected one image, got 2 pages' in refusal(good)


def test_an_image_in_floating_point(good):
    (good.images / '5.png').unlink()
    pixels = np.full((48, 64), 0.25, np.float32)
    Image.fromarray(pixels).save(good.images / '5.tif')
    text = refusal(good)
    assert '5.tif: expected pixels of 8 or 16 bits, got float32' in text


def test_fractions(good):
    (good.masks / '5.png').unlink()
    good.mask('5.tif', np.full((48, 64), 0.25, np.float32))
    assert 'got fractions such as 0.25' in refusal(good)


@pytest.mark.parametrize(
    ('name', 'word'),
    [
        ('a.mp4', 'ffmpeg'),
        ('b.AVI', 'ffmpeg'),
        ('c.mov', 'ffmpeg'),
        ('d.dcm', 'SimpleITK'),
        ('e.nii', 'nibabel'),
        ('f.nii.gz', 'nibabel'),
        ('g.gif', 'PNG'),
    ],
)
@pytest.mark.parametrize('others', [True, False])
def test_videos_and_scans_are_told_what_to_do(good, name, word, others):
    if not others:
        for path in good.images.iterdir():
            path.unlink()
    (good.images / name).write_bytes(b'anything')
    text = refusal(good)
    assert 'images: 1 ' in text and name in text and word in text


def test_no_files_and_other_files(good):
    for path in good.masks.iterdir():
        path.unlink()
    assert 'masks: expected files that end in .jpg' in refusal(good)
    (good.masks / 'a.xml').touch()
    assert 'got 1 .xml' in refusal(good)


def test_other_files_beside_pictures_are_only_noted(good):
    for name in ('a.xml', 'b.xml', '.hidden.png', 'README'):
        (good.images / name).touch()
    notes = at(good).notes
    assert 'Skipped among the images: 2 .xml, 1 no ending.' in notes


def test_folders_that_are_none(good):
    with pytest.raises(FileNotFoundError, match=r'masks: expected a folder'):
        look(good.images, good.masks / 'no')
    with pytest.raises(NotADirectoryError, match=r'images: .* Unpack'):
        look(good.images / '0.png', good.masks)
    with pytest.raises(ValueError, match=r'for both'):
        look(good.images, good.images / '..' / 'images')


def test_masks_inside_the_folder_of_images_are_no_images(good):
    inside = good.images / 'masks'
    good.masks.rename(inside)
    assert len(look(good.images, inside).pairs) == 6


def bomb(width, height):
    """A PNG that claims a size; its few bytes hold no such image."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        size = struct.pack('>I', len(content))
        return size + kind + content + struct.pack('>I', check)

    head = struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b'\0')
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', data)


@pytest.mark.parametrize('kind', ['images', 'masks'])
@pytest.mark.parametrize('side', [10_000, 20_000])
def test_images_of_too_many_pixels(good, kind, side):
    (getattr(good, kind) / '5.png').write_bytes(bomb(side, side))
    text = refusal(good)
    assert '5.png: expected at most 89,478,485 pixels' in text
    assert 'tiles' in text


def test_too_few_images(folder):
    for index in range(LEAST_PAIRS - 1):
        folder.image(f'{index}.png')
        folder.mask(f'{index}.png', np.eye(48, 64, dtype=np.uint8))
    assert f'expected {LEAST_PAIRS} or more images' in refusal(folder)
    folder.image('last.png')
    folder.mask('last.png', np.eye(48, 64, dtype=np.uint8))
    assert len(at(folder).pairs) == LEAST_PAIRS


def test_masks_that_are_photographs(folder):
    rng = np.random.default_rng(0)
    folder.fill(lambda _: rng.integers(0, 256, (48, 64), dtype=np.uint8), 1)
    text = refusal(folder)
    assert 'got 256 grey values (0, 1, 2, ' in text and 'photograph' in text
    pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    folder.fill(lambda _: pixels, 1)
    assert re.search(r'got \d+ colours or more, most often #', refusal(folder))
    pixels[:10, :10], pixels[:10, 20:30] = (0, 0, 0), (255, 0, 0)
    folder.fill(lambda _: pixels, 1)
    assert re.search(r'got \d+ colours or more, most often #', refusal(folder))


def test_numbers_of_single_objects(folder):
    labels = np.arange(48 * 64).reshape(48, 64).astype(np.uint16) // 4
    folder.fill(lambda _: labels, 1)
    assert 'got 768 values (0, 1, 2' in refusal(folder)


@pytest.mark.parametrize(
    'pixels', [np.zeros((48, 64)), np.full((48, 64, 3), (255, 0, 0))]
)
def test_masks_of_one_value(folder, pixels):
    folder.fill(lambda _: pixels.astype(np.uint8), 1)
    assert 'in every pixel of every mask' in refusal(folder)


def test_labels_in_jpeg(folder):
    folder.fill(lambda labels: labels, 12, suffix='.jpg')
    assert 'JPEG cannot store labels' in refusal(folder)


def test_grey_patches_in_jpeg(folder):
    table = np.array([0, 128, 255], np.uint8)
    folder.fill(lambda labels: table[labels], 3, suffix='.jpg')
    text = refusal(folder)
    assert 'patches of grey (32..223)' in text and '.jpg' in text


def test_labels_among_colours(folder):
    folder.fill(lambda labels: labels, 3)
    folder.mask('0.png', np.full((48, 64, 3), (255, 0, 0), np.uint8))
    text = refusal(folder)
    assert '5 masks of one channel, such as 1.png' in text
    assert '1 with colours or a palette, such as 0.png' in text


@pytest.mark.parametrize(
    ('classes', 'words'),
    [
        (['a', 'b', 'c', 'd', 'e'], 'expected one name, of the object'),
        ({0: 'background', 1: 'polyp'}, 'got none for 255 (first in'),
        ({0: 'ignored', 255: 'polyp'}, 'expected two or more'),
        ('polyp', 'expected names in order'),
        ([], 'expected names in order'),
        (['a', 'a'], 'Write every name once'),
        ([''], 'expected names in order'),
        ({0: 'a', '#ffffff': 'b'}, 'all values or all colours'),
        ({'white': 'a'}, 'expected names in order'),
        ({0.5: 'a'}, 'expected names in order'),
        ({(0, 0): 'a'}, 'expected names in order'),
    ],
)
def test_classes_that_do_not_fit(good, classes, words):
    text = refusal(good, classes=classes)
    assert text.startswith('classes: ') and words in text


def test_names_that_do_not_fit_the_labels(folder):
    folder.fill(lambda labels: labels, 6)
    text = refusal(folder, classes=['a', 'b'])
    assert 'got 2 names and 6 labels (0, 1, 2, 3, 4, 5)' in text
    text = refusal(folder, classes={'#000000': 'a', '#010101': 'b'})
    assert 'expected names by value' in text


def test_names_that_do_not_fit_the_colours(folder):
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8)
    folder.fill(lambda labels: colours[labels], 3)
    text = refusal(folder, classes=['a', 'b'])
    assert '#000000, #0000ff, #ff0000' in text and "'#ff0000': 'a'" in text
    text = refusal(folder, classes={0: 'a', 1: 'b'})
    assert 'got names by value' in text
    text = refusal(folder, classes={'#000000': 'a', '#ff0000': 'b'})
    assert 'got none for #0000ff (first in 0.png)' in text


def test_a_group_for_every_image(good, tmp_path):
    text = refusal(good, groups=r'^([0-3])')
    assert "4: does not match the pattern '^([0-3])'" in text
    assert 'found 2' in text
    table = tmp_path / 'patients.csv'
    table.write_text('image,group\n0,a\n1.png,a\n2,b\n3,b\n4,c\n')
    text = refusal(good, groups=table)
    assert '5: is not in the table of groups' in text and 'found 1' in text
    table.write_text('image;group\n')
    assert 'expected the header image,group' in refusal(good, groups=table)
    with pytest.raises(FileNotFoundError, match='groups: expected a CSV'):
        at(good, groups='missing.csv')


@pytest.mark.parametrize('pattern', ['[', r'\d+'])
def test_a_pattern_with_a_group(good, pattern):
    text = refusal(good, groups=pattern)
    assert text.startswith('groups: expected a regular expression')


def test_progress_is_shown_before_the_first_file_is_opened(good):
    seen = []

    def progress(pairs):
        seen.append(len(pairs))
        return iter(pairs)

    buffer = io.BytesIO()
    Image.new('L', (3, 3)).save(buffer, 'png')
    (good.masks / '0.png').write_bytes(buffer.getvalue())
    refusal(good, progress=progress)
    assert seen == [6]


def test_progress_of_the_comparison_is_shown_before_it_begins(good):
    seen = []

    def comparing(blocks):
        seen.append(len(blocks))
        return iter(blocks)

    at(good, comparing=comparing)
    assert seen == [1]
