"""tools/check_dataset.py, and what it is made of."""

import classification_sets as sets
import pytest
from run_tool import run_tool

from gps_seg.datasets.classification.overview import look_at, table

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


@pytest.fixture
def check(tmp_path, capsys):
    """Run the tool over a config of a miniature of CUB-200-2011."""
    sets.make_cub(tmp_path / 'cub')

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
            sets.touch(tmp_path / f'images/{name}.jpg')
            sets.touch(tmp_path / f'masks/{name}.png')
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
        ({'check_size': True}, 'ValueError: .*5994 images, got 4'),
        ({'root': 'elsewhere'}, 'FileNotFoundError: .*CUB_200_2011'),
        ({'classes': 100}, 'expected 200 as CUB-200-2011 has, got 100'),
        ({'train': 'val'}, r"one of \['train', 'test'\], got 'val'"),
    ],
)
def test_what_is_wrong_ends_the_tool(check, options, message):
    with pytest.raises(SystemExit, match=message):
        check(**options)


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


def test_the_order_of_a_list_is_no_matter(polyps):
    text = table(look_at(polyps(train=['a', 'b'], val=['b', 'a'])))
    assert 'Note: val_dataloader has exactly the images' in text


def test_validation_and_test_may_share_images(polyps):
    text = table(look_at(polyps(train=['c'], val=['a', 'b'], test=['b'])))
    assert len(text.splitlines()) == 4


def test_a_config_without_data_stops():
    with pytest.raises(ValueError, match='expected a train_dataloader'):
        look_at({'val_dataloader': None})


def test_a_segmentation_set_has_no_classes_of_images(polyps):
    (overview,) = look_at(polyps(val=['a']))
    assert overview.row() == ('val', 'PolypDataset', '', '1', '', '', '')
    assert table([overview]).splitlines()[1].split() == [
        *('val', 'PolypDataset', '1')
    ]
