"""tools/check_dataset.py, and what it is made of."""

import re
from contextlib import suppress

import classification_sets as sets
import cv2
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from run_tool import run_tool

from gps_seg.datasets.overview.splits import look_at, open_all
from gps_seg.datasets.overview.text import histograms, table

CONFIG = """
default_scope = 'mmpretrain'
model = dict(head=dict(num_classes={classes}))
train_dataloader = dict(
    dataset=dict(type='CUB200', split='{train}', pipeline=['not built'],
                 data_root={root!r}, check_size={check_size}))
val_dataloader = None
test_dataloader = dict(
    dataset=dict(type='CUB200', split='test', pipeline=['not built'],
                 data_root={root!r}, check_size={check_size}))
"""


def draw(path, size=(6, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert cv2.imwrite(str(path), pixels)


def turn(path):
    """Note that the image is to be shown upside down."""
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.open(path).save(path, exif=exif)


def mask(path, labels):
    """Write a row of labels, twice: MMSegmentation drops an axis of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.repeat(np.array(labels, np.uint8), 2, 0)).save(path)


@pytest.fixture
def check(tmp_path, capsys):
    """Run the tool over a config of a miniature of CUB-200-2011."""
    sets.make_cub(tmp_path / 'cub')
    for path in (tmp_path / 'cub').rglob('*.jpg'):
        draw(path)

    def check(**options):
        settings = dict(classes=200, train='train', check_size=False)
        settings |= {'root': str(tmp_path / 'cub')} | options
        path = tmp_path / 'config.py'
        path.write_text(CONFIG.format(**settings))
        run_tool('check_dataset.py', path)
        return capsys.readouterr().out

    return check


@pytest.fixture
def polyps(tmp_path):
    """Data loaders by the names of their images."""

    def polyps(**loaders):
        for name in {name for names in loaders.values() for name in names}:
            draw(tmp_path / f'images/{name}.jpg', (2, 3))
            mask(tmp_path / f'masks/{name}.png', [[0, 1, 1]])
        config = {}
        for loader, names in loaders.items():
            ann_file = f'splits/{loader}.txt'
            sets.write_lines(tmp_path / ann_file, names)
            dataset = dict(type='PolypDataset', data_root=str(tmp_path))
            dataset['ann_file'] = ann_file
            config[f'{loader}_dataloader'] = dict(dataset=dataset)
        return config

    return polyps


def test_images_and_classes_are_counted(check):
    lines = [line.split() for line in check().splitlines()]
    assert ['train', 'CUB200', 'train', '4', '3', '1', '2'] in lines
    assert ['test', 'CUB200', 'test', '2', '2', '1', '1'] in lines


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'check_size': True}, '5994 images, got 4'),
        ({'root': 'elsewhere'}, 'CUB_200_2011'),
        (
            {'classes': 100},
            'expected 200 .the classes of CUB-200-2011., got 100',
        ),
        ({'train': 'val'}, "one of train, test, got 'val'"),
    ],
)
def test_what_is_wrong_ends_the_tool(check, capsys, options, message):
    with pytest.raises(SystemExit, match='1'):
        check(**options)
    assert re.search(message, capsys.readouterr().err)


def test_a_test_of_exactly_the_training_images_is_noted(check):
    """As configs/ade20k/overfit_mini.py has it."""
    assert 'Note' not in check()
    *_, note = check(train='test').splitlines()
    assert note.startswith('Note: test_dataloader has exactly the images of')


def test_some_images_in_both_stop(polyps):
    with pytest.raises(ValueError, match=r'does not have.*1 of 2 in.*b\.jpg'):
        look_at(polyps(train=['a', 'b'], val=['b', 'c']))
    with pytest.raises(ValueError, match='got 1 of 1 in both'):
        look_at(polyps(train=['a', 'b'], val=['b']))


def summary(config):
    found = look_at(config)
    return table(found, open_all(found, 255))


def test_the_order_of_a_list_is_no_matter(polyps):
    text = summary(polyps(train=['a', 'b'], val=['b', 'a']))
    assert 'Note: val_dataloader has exactly the images' in text


def test_validation_and_test_may_share_images(polyps):
    text = summary(polyps(train=['c'], val=['a', 'b'], test=['b']))
    assert len(text.splitlines()) == 4


def test_a_config_without_data_stops():
    with pytest.raises(ValueError, match='expected a train_dataloader'):
        look_at({'val_dataloader': None})


FOLDER = """
default_scope = 'mmseg'
names = dict(classes=('wall', 'sky', 'tree'), palette=[[1, 1, 1]] * 3)
model = dict(decode_head=dict(num_classes=3, ignore_index={ignored}))
test_dataloader = dict(
    dataset=dict(
        type='BaseSegDataset',
        metainfo=names,
        data_root={root!r},
        data_prefix=dict(img_path='img', seg_map_path='ann'),
    )
)
"""


@pytest.fixture
def check_folder(tmp_path, capsys):
    """Run the tool over a folder that MMSegmentation's own class reads."""

    def check_folder(ignored=255):
        path = tmp_path / 'config.py'
        path.write_text(FOLDER.format(root=str(tmp_path), ignored=ignored))
        with suppress(SystemExit):
            run_tool('check_dataset.py', path)
        return capsys.readouterr()

    for index, labels in enumerate(([[0, 0, 0, 2]], [[0, 2, 255, 255]])):
        draw(tmp_path / f'img/{index}.jpg', (2, 4))
        mask(tmp_path / f'ann/{index}.png', labels)
    return check_folder


def test_pixels_are_counted_by_class(check_folder):
    out, failure = check_folder()
    lines = [line.split() for line in out.splitlines()]
    assert not failure
    # Classes that occur; images with the rarest and the most frequent one.
    assert ['test', 'BaseSegDataset', '2', '2', '2', '2'] in lines
    assert ['wall', '2', '50.000%', 30 * '#'] in lines
    assert ['tree', '2', '25.000%', 15 * '#'] in lines
    assert 'ignored (255): 25.000%' in out
    assert '1 of 3 never occur' in out


def test_what_is_ignored_comes_from_the_head(check_folder, tmp_path):
    mask(tmp_path / 'ann/1.png', [[0, 2, 11, 11]])
    out, failure = check_folder(ignored=11)
    assert not failure
    assert 'ignored (11): 25.000%' in out
    _, failure = check_folder()
    assert 'expected labels 0..2 or 255, got [11] (4 pixels' in failure


@pytest.mark.parametrize('ignored', [-100, 300])
def test_a_label_of_no_pixel_may_be_ignored(check_folder, tmp_path, ignored):
    mask(tmp_path / 'ann/1.png', [[0, 0, 0, 0]])
    out, failure = check_folder(ignored)
    assert not failure
    assert f'ignored ({ignored}): 0.000%' in out
    assert 'wall' in out


SPOILED = {
    'another size': (
        lambda root: mask(root / 'ann/0.png', [[0, 0, 0]]),
        r'ann/0\.png: expected the shape of its image, \(2, 4\), got \(2, 3',
    ),
    'text': (
        lambda root: (root / 'img/0.jpg').write_text('not an image'),
        r'img/0\.jpg: expected an image file, got other bytes',
    ),
    'empty': (
        lambda root: (root / 'img/0.jpg').write_bytes(b''),
        r'img/0\.jpg: expected an image file, got other bytes',
    ),
    'image cut short': (
        lambda root: (root / 'img/0.jpg').write_bytes(
            (root / 'img/0.jpg').read_bytes()[:-3]
        ),
        r'img/0\.jpg: expected a complete image file',
    ),
    'mask cut short': (
        lambda root: (root / 'ann/0.png').write_bytes(
            (root / 'ann/0.png').read_bytes()[:48]
        ),
        r'ann/0\.png: expected a complete image file',
    ),
    'no mask': (
        lambda root: (root / 'ann/0.png').unlink(),
        r'ann/0\.png: .*No such file',
    ),
    'class 3 of 3': (
        lambda root: mask(root / 'ann/0.png', [[0, 1, 3, 3]]),
        r'ann/0\.png: expected labels 0\.\.2 or 255, got \[3\] \(4 pixels',
    ),
    'three channels': (
        lambda root: mask(root / 'ann/0.png', [[[0, 0, 0]] * 4]),
        r'ann/0\.png: expected one channel, got shape \(2, 4, 3\)',
    ),
    '16 bits': (
        lambda root: Image.fromarray(np.ones((2, 4), np.uint16)).save(
            root / 'ann/0.png'
        ),
        r'ann/0\.png: expected 8 bits, got uint16',
    ),
    'an image that viewers turn': (
        lambda root: turn(root / 'img/0.jpg'),
        r'img/0\.jpg: expected pixels that are stored upright, got the EXIF',
    ),
}


@pytest.mark.parametrize('how', SPOILED)
def test_a_file_that_cannot_be_used_fails_with_its_name(
    check_folder, tmp_path, how
):
    spoil, message = SPOILED[how]
    spoil(tmp_path)
    out, failure = check_folder()
    assert '1 problem(s):\n' in failure
    assert len(failure.splitlines()) == 2
    assert re.search(message, failure)
    assert out.splitlines()[-8].split()[:3] == ['test', 'BaseSegDataset', '2']


def test_problems_are_listed_up_to_ten(check_folder, tmp_path):
    for index in range(12):
        draw(tmp_path / f'img/more_{index}.jpg')
    _, failure = check_folder()
    assert '12 problem(s):\n' in failure
    assert failure.count('No such file') == 10
    assert failure.endswith('- and 2 more\n')


def test_an_empty_folder_is_told_from_an_error(check_folder, tmp_path):
    for path in (tmp_path / 'img').iterdir():
        path.unlink()
    _, failure = check_folder()
    assert 'test_dataloader: expected images, got none (BaseSeg' in failure
    assert str(tmp_path / 'img') in failure


def test_sets_that_repeat_join_or_mix_others_are_looked_into(polyps):
    config = polyps(train=['a', 'b'], val=['c'])
    train, val = (
        config[f'{k}_dataloader']['dataset'] for k in ('train', 'val')
    )
    joined = {'type': 'ConcatDataset', 'datasets': [train, val]}
    config = {
        'train_dataloader': {
            'dataset': {'type': 'RepeatDataset', 'times': 3, 'dataset': joined}
        }
    }
    (overview,) = look_at(Config(config))
    names = [path.rpartition('/')[2] for path in overview.images]
    assert names == ['a.jpg', 'b.jpg', 'c.jpg']
    assert summary(config).splitlines()[1].split() == [
        *('train', 'RepeatDataset', '3', '2', '3', '3')
    ]


def test_equal_sets_are_opened_once(polyps):
    seen = []

    def progress(samples):
        seen.extend(samples)
        return samples

    config = polyps(val=['a', 'b'])
    config['test_dataloader'] = config['val_dataloader']
    found = look_at(config)
    facts = open_all(found, 255, progress)
    assert len(seen) == 2
    assert histograms(found, facts).count('val_dataloader, test_data') == 1


def folder_of_polyps(root, *masks):
    """A data set of MMSegmentation's own class, one image for each mask."""
    for index, labels in enumerate(masks):
        draw(root / f'img/{index}.jpg', (2, len(labels[0])))
        mask(root / f'ann/{index}.png', labels)
    dataset = {
        'type': 'BaseSegDataset',
        'metainfo': {'classes': ('background', 'polyp'), 'palette': []},
        'data_root': str(root),
        'data_prefix': {'img_path': 'img', 'seg_map_path': 'ann'},
    }
    return {'train_dataloader': {'dataset': dataset}}


WHITE, EMPTY, POLYP, VOID = [[0, 255]], [[0, 0]], [[0, 1]], [[255, 255]]


@pytest.mark.parametrize(
    ('masks', 'problem', 'notes'),
    [
        ([WHITE, WHITE], "'polyp' .label 1. in some mask", ['2 masks of ba']),
        ([WHITE, EMPTY], '1 mask.s. hold 0 and 255 alone', None),
        ([POLYP, WHITE], '', ['1 masks of background and ignored pixels']),
        ([POLYP, EMPTY, VOID], '', ['1 masks of background', '1 masks in wh']),
        ([VOID, VOID], "'polyp' .label 1. in some", ['2 masks in which']),
        ([EMPTY, EMPTY], '', ['2 masks of background alone']),
        ([POLYP, [[1, 255]]], '', []),
    ],
)
def test_an_object_that_is_ignored_throughout(tmp_path, masks, problem, notes):
    found = look_at(folder_of_polyps(tmp_path, *masks))
    (facts,) = open_all(found, 255)
    assert len(facts.problems) == bool(problem)
    assert re.search(problem, ''.join(facts.problems))
    lines = list(facts.note_lines())
    if notes is not None:
        assert len(lines) == len(notes)
    for start, line in zip(notes or [], lines, strict=False):
        assert line.startswith(start)


def test_a_set_of_classes_all_of_which_are_ignored(check_folder, tmp_path):
    """An image without a label is legal; a set without one is not."""
    mask(tmp_path / 'ann/0.png', [[255, 255, 255, 255]])
    out, failure = check_folder()
    assert not failure
    assert '1 masks in which every pixel is ignored, such as' in out
    mask(tmp_path / 'ann/1.png', [[255, 255, 255, 255]])
    assert 'expected pixels of a class in some mask' in check_folder()[1]


def test_images_that_only_their_loader_reads_are_noted(tmp_path):
    config = folder_of_polyps(tmp_path, POLYP)
    (tmp_path / 'img/0.jpg').rename(tmp_path / 'img/0.nii')
    config['train_dataloader']['dataset']['img_suffix'] = '.nii'
    (facts,) = open_all(look_at(config), 255)
    assert not facts.problems
    assert 'format that is not opened' in next(facts.note_lines())
