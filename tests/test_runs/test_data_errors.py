"""What the libraries say of files, and what is added to it."""

import cv2
import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations
from PIL import UnidentifiedImageError

from gps_seg.runs.data_errors import naming_the_check_of_files


def an_empty_image(folder):
    (folder / 'image.jpg').touch()
    LoadImageFromFile()({'img_path': str(folder / 'image.jpg')})


def an_empty_mask(folder):
    (folder / 'mask.png').touch()
    LoadAnnotations()(
        {
            'seg_map_path': str(folder / 'mask.png'),
            'seg_fields': [],
            'reduce_zero_label': False,
            'label_map': None,
        }
    )


def a_label_of_no_class(_):
    logits, labels = torch.zeros(1, 2, 4, 4), torch.full((1, 4, 4), 7)
    torch.nn.functional.cross_entropy(logits, labels)


def an_empty_folder(folder):
    init_default_scope('mmseg')
    BaseSegDataset(data_root=str(folder), data_prefix={'img_path': ''})


@pytest.mark.parametrize(
    ('mistake', 'kind'),
    [
        (an_empty_image, cv2.error),
        (an_empty_mask, UnidentifiedImageError),
        (a_label_of_no_class, IndexError),
        (an_empty_folder, ValueError),
    ],
)
def test_an_error_of_files_names_the_command_that_finds_them(
    tmp_path, mistake, kind
):
    with pytest.raises(ValueError, match='data: ') as found:  # noqa: SIM117
        with naming_the_check_of_files():
            mistake(tmp_path)
    assert isinstance(found.value.__cause__, kind)
    message = str(found.value)
    assert kind.__name__ in message
    assert 'tools/check_dataset.py' in message
    assert '\n' not in message


def test_other_errors_are_left_as_they_are():
    for error in (IndexError('list index out of range'), ValueError('no')):
        with pytest.raises(type(error)) as found, naming_the_check_of_files():
            raise error
        assert found.value is error
