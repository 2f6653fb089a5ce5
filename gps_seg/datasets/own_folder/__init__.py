# Copyright (c) gps_seg contributors. Apache-2.0.
"""Images and masks of any folder: look at them, divide them, train on them."""

from gps_seg.datasets.own_folder.dataset import FolderDataset
from gps_seg.datasets.own_folder.found import Found
from gps_seg.datasets.own_folder.lists import write_list, write_lists
from gps_seg.datasets.own_folder.load_mask import LoadMask
from gps_seg.datasets.own_folder.looking import look
from gps_seg.datasets.own_folder.matching import paired
from gps_seg.datasets.own_folder.shown_pairs import Example, examples
from gps_seg.datasets.own_folder.splitting import split, split_notes

__all__ = [
    'Example',
    'FolderDataset',
    'Found',
    'LoadMask',
    'examples',
    'look',
    'paired',
    'split',
    'split_notes',
    'write_list',
    'write_lists',
]
