"""Flowers-102, from an archive to a folder."""

import json
import struct
import zipfile
import zlib

import classification_sets as sets
import cv2
import mat4py
import numpy as np
import pytest
from run_tool import error_of_tool, run_tool

from gps_seg.datasets import OxfordFlowers, VTAB1k
from gps_seg.datasets.conversion.flowers102 import (
    convert_flowers102,
)

SPLIT = {'train': ['image_00008.jpg'], 'val': ['image_00003.jpg']}


@pytest.fixture
def source(tmp_path):
    """Eight images that can be decoded, with the list of VTAB-1k."""
    root = tmp_path / 'source'
    sets.make_flowers(root)
    rng = np.random.default_rng(0)
    for path in root.glob('jpg/*.jpg'):
        cv2.imwrite(str(path), rng.integers(0, 256, (5, 4, 3), np.uint8))
    (root / 'vtab1k_split.json').write_text(json.dumps(SPLIT))
    return root


def convert(source, target):
    return convert_flowers102(source, target, check_size=False)


def zipped(source, archive, prefix=''):
    with zipfile.ZipFile(archive, 'w') as file:
        for path in source.rglob('*'):
            file.write(path, f'{prefix}{path.relative_to(source)}')
    return archive


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_images_and_lists_are_copied_byte_for_byte(source, tmp_path):
    sizes = convert(source, tmp_path / 'flowers')
    assert sizes == {
        'train': 2,
        'val': 2,
        'test': 4,
        'VTAB-1k train800': 1,
        'VTAB-1k val200': 1,
        'VTAB-1k train800val200': 2,
    }
    before, after = contents(source), contents(tmp_path / 'flowers')
    before.pop('vtab1k_split.json')
    assert len(before) == 10
    assert {name: after[name] for name in before} == before


def test_the_lists_of_vtab_have_the_official_labels(source, tmp_path):
    target = tmp_path / 'flowers'
    convert(source, target)
    labels = mat4py.loadmat(str(target / 'imagelabels.mat'))['labels']
    for split, numbers in {
        'train800': [8],
        'val200': [3],
        'train800val200': [8, 3],
        'test': [2, 5, 6, 7],
    }.items():
        data = VTAB1k(
            str(tmp_path),
            'oxford_flowers102',
            split,
            folder='flowers',
            check_size=False,
        )
        found = [data.get_data_info(i) for i in range(len(data))]
        assert [
            (i['img_path'].rpartition('/')[2], i['gt_label']) for i in found
        ] == [(f'image_{n:05d}.jpg', labels[n - 1] - 1) for n in numbers]


@pytest.mark.parametrize('prefix', ['', 'oxford/flowers/'])
def test_a_zip_archive_gives_the_same(source, tmp_path, prefix):
    convert(source, tmp_path / 'one')
    archive = zipped(source, tmp_path / 'flowers.zip', prefix)
    convert(archive, tmp_path / 'other')
    assert contents(tmp_path / 'one') == contents(tmp_path / 'other')


def test_without_a_list_of_vtab_there_is_the_official_split(source, tmp_path):
    (source / 'vtab1k_split.json').unlink()
    assert set(convert(source, tmp_path / 'flowers')) == {
        'train',
        'val',
        'test',
    }
    assert not list((tmp_path / 'flowers').glob('*.txt'))


def spoil_image(source):
    path = source / 'jpg/image_00004.jpg'
    path.write_bytes(path.read_bytes()[:80])


def drop_image(source):
    (source / 'jpg/image_00004.jpg').unlink()


def drop_labels(source):
    (source / 'imagelabels.mat').unlink()


def unknown_name(source):
    names = json.dumps({'train': ['image_99999.jpg'], 'val': []})
    (source / 'vtab1k_split.json').write_text(names)


def no_json(source):
    (source / 'vtab1k_split.json').write_text('{')


def other_json(source):
    (source / 'vtab1k_split.json').write_text('{"training": []}')


def names_that_are_lists(source):
    (source / 'vtab1k_split.json').write_text('{"train": [[]], "val": []}')


def deep_json(source):
    (source / 'vtab1k_split.json').write_text('[' * 60_000)


def label_of_no_class(source):
    mat4py.savemat(str(source / 'imagelabels.mat'), {'labels': [1, 103]})


def labels_under_another_name(source):
    mat4py.savemat(str(source / 'imagelabels.mat'), {'classes': [1, 2]})


def number_of_no_image(source):
    ids = {'trnid': [8, 1], 'valid': [3, 4], 'tstid': [2, 9]}
    mat4py.savemat(str(source / 'setid.mat'), ids)


def split_cut_short(source):
    path = source / 'setid.mat'
    path.write_bytes(path.read_bytes()[:-20])


def rows_without_end(source):
    """A claim of two billion empty rows, in 200 bytes."""
    path = source / 'imagelabels.mat'
    packed = path.read_bytes()
    plain = bytearray(packed[:128] + zlib.decompress(packed[136:]))
    shape = plain.index(struct.pack('<ii', 1, 8))
    plain[shape : shape + 8] = struct.pack('<ii', 2**31 - 1, 0)
    path.write_bytes(plain)


def labels_of_many_bytes(source):
    with (source / 'imagelabels.mat').open('ab') as file:
        file.truncate(2**16 + 1)


def second_copy(source):
    sets.make_flowers(source / 'copy')


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (spoil_image, r'jpg/image_00004\.jpg: expected a complete image'),
        (drop_image, r'missing 1 of 2, the first is .*image_00004'),
        (drop_labels, 'expected one folder with jpg/.*found 0'),
        (second_copy, 'expected one folder with jpg/.*found 2'),
        (unknown_name, r"labelled images, got \['image_99999"),
        (no_json, 'expected JSON'),
        (other_json, r"'training'"),
        (names_that_are_lists, 'a list of file names under "train"'),
        (deep_json, 'expected JSON'),
        (label_of_no_class, r"imagelabels.mat: .*'labels' .* 1\.\.102"),
        (labels_under_another_name, "expected the variable 'labels'"),
        (number_of_no_image, r"setid.mat: .*'tstid' .* 1\.\.8, got"),
        (split_cut_short, 'setid.mat: expected a MATLAB 5 file'),
        (rows_without_end, 'imagelabels.mat: expected a MATLAB 5 file'),
        (labels_of_many_bytes, 'at most 65,536 bytes, got 65,537'),
    ],
)
def test_a_problem_leaves_nothing_behind(source, tmp_path, spoil, message):
    spoil(source)
    target = tmp_path / 'out/flowers'
    with pytest.raises(ValueError, match=message):
        convert(source, target)
    assert list(target.parent.glob('*')) == []


def test_a_file_further_down_takes_no_other_place(source, tmp_path):
    other = source / 'jpg/sub/image_00001.jpg'
    other.parent.mkdir()
    other.write_bytes((source / 'jpg/image_00002.jpg').read_bytes())
    convert(source, tmp_path / 'flowers')
    (source / 'jpg/sub').rename(tmp_path / 'elsewhere')
    found = contents(tmp_path / 'flowers/jpg')
    assert found == contents(source / 'jpg')


def test_an_archive_cut_short_is_refused(source, tmp_path):
    with pytest.raises(ValueError, match='expected 1020 images, got 2'):
        convert_flowers102(source, tmp_path / 'flowers')
    assert not (tmp_path / 'flowers').exists()


def test_a_folder_with_files_is_left_alone(source, tmp_path):
    (tmp_path / 'flowers').mkdir()
    (tmp_path / 'flowers/mine').touch()
    with pytest.raises(FileExistsError):
        convert(source, tmp_path / 'flowers')


def test_the_tool_ends_with_the_reason(source, tmp_path, capsys):
    tool = 'dataset_converters/flowers102.py'
    error = error_of_tool(capsys, tool, source, tmp_path / 'flowers')
    assert 'expected 1020 images' in error


@pytest.mark.slow
def test_the_real_images(shared_dir, tmp_path, capsys):
    archive = shared_dir / 'data/flowers102-64/flowers102-64.zip'
    if not archive.exists():
        pytest.skip(f'optional test data is not there: {archive}')
    target = tmp_path / 'flowers'
    run_tool('dataset_converters/flowers102.py', archive, target)
    assert '6,149 images' in capsys.readouterr().out
    train = OxfordFlowers(str(target), 'trainval')
    assert len(train.metainfo) == 0 and len(train) == 2040
