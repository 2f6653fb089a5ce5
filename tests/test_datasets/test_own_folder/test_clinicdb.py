# Copyright (c) gps_seg contributors. Apache-2.0.
"""A folder of real images as people have it: CVC-ClinicDB."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from gps_seg.datasets.own_folder import LoadMask, look, split

# First frames of the sequences, from the table of the database.
STARTS = (1, 26, 51, 68, 79, 104, 127, 152, 178, 200, 206, 228, 253, 278)


@pytest.fixture(scope='module')
def clinicdb(clinicdb_archive, tmp_path_factory):
    root = tmp_path_factory.mktemp('clinicdb')
    zipfile.ZipFile(clinicdb_archive).extractall(root)
    return root / 'CVC-ClinicDB'


@pytest.fixture(scope='module')
def table(clinicdb):
    """The sequence of each frame, as a file of groups."""
    path = clinicdb.parent / 'videos.csv'
    frames = [int(p.stem) for p in (clinicdb / 'images').iterdir()]
    rows = [
        f'{frame},video{sum(frame >= start for start in STARTS)}'
        for frame in sorted(frames)
    ]
    path.write_text('\n'.join(['image,group', *rows]) + '\n')
    return path


@pytest.fixture(scope='module')
def found(clinicdb, table):
    return look(
        clinicdb / 'images',
        clinicdb / 'masks',
        classes=['polyp'],
        groups=table,
    )


def test_the_masks_are_cut_in_the_middle(found, clinicdb):
    assert len(found.pairs) == 296
    assert found.rule == {'kind': 'threshold', 'above': 127}
    assert found.classes == ('background', 'polyp')
    assert found.holding[1] == 296 and found.without_object == ()
    polyp = [
        np.asarray(Image.open(clinicdb / 'masks' / p.mask).convert('L')) > 127
        for p in found.pairs
    ]
    assert found.shares[1] == pytest.approx(np.mean(polyp), abs=1e-12)
    sample = {
        'seg_map_path': str(clinicdb / 'masks' / found.pairs[7].mask),
        'seg_fields': [],
    }
    labels = LoadMask(found.rule)(sample)['gt_seg_map']
    np.testing.assert_array_equal(labels, polyp[7])


def test_no_video_is_divided(found):
    assert len(set(found.groups.values())) == 14
    splits = split(found)
    videos = [
        {found.groups[pair.name] for pair in pairs}
        for pairs in splits.values()
    ]
    assert not set.intersection(*videos)
    assert 45 <= len(splits['val']) <= 75


def test_frames_that_look_alike_are_of_one_video(found):
    assert found.near_copies
    for alike in found.near_copies:
        assert len({found.groups[name] for name in alike}) == 1
