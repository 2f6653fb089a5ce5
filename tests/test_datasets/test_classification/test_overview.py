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
        ({'train': 'test'}, 'expected images that train_dataloader does not'),
        ({'train': 'val'}, r"one of \['train', 'test'\], got 'val'"),
    ],
)
def test_what_is_wrong_ends_the_tool(check, options, message):
    with pytest.raises(SystemExit, match=message):
        check(**options)


def test_a_config_without_data_stops():
    with pytest.raises(ValueError, match='expected a train_dataloader'):
        look_at({'val_dataloader': None})


def test_a_segmentation_set_has_no_classes_of_images(tmp_path):
    for name in ('images/a.jpg', 'masks/a.png'):
        sets.touch(tmp_path / name)
    sets.write_lines(tmp_path / 'splits/val.txt', ['a'])
    (overview,) = look_at(
        {
            'val_dataloader': {
                'dataset': {
                    'type': 'PolypDataset',
                    'data_root': str(tmp_path),
                    'ann_file': 'splits/val.txt',
                }
            }
        }
    )
    assert overview.row() == ('val', 'PolypDataset', '', '1', '', '', '')
    assert table([overview]).splitlines()[1].split() == [
        *('val', 'PolypDataset', '1')
    ]
