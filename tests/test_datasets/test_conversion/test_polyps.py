# Copyright (c) gps_seg contributors. Apache-2.0.
"""Polyps with ids and file formats of their own become a data set."""

import io
import zipfile

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image
from run_tool import error_of_tool, run_tool

from gps_seg.datasets import PolypDataset, SplitLists, convert_polyps


def encoded(pixels, kind):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


def renamed(files, suffix, kind):
    """The same pictures in another format, masks with three channels."""
    made = {}
    for name, content in files.items():
        pixels = Image.open(io.BytesIO(content)).convert('RGB')
        new = name.replace('cju_', 'patient 7, ').replace('.jpg', suffix)
        made[new] = encoded(np.asarray(pixels), kind)
    return made


@pytest.mark.parametrize(
    ('suffix', 'kind'), [('.jpg', 'JPEG'), ('.png', 'PNG'), ('.TIF', 'TIFF')]
)
def test_any_ids_and_formats_are_read(
    files, tmp_path, write_zip, suffix, kind
):
    source = write_zip(renamed(files, suffix, kind))
    target = tmp_path / 'out'
    report = convert_polyps(source, target)
    assert report.split_sizes == {'all': 4}
    assert any('img_suffix' in note for note in report.notes) is (
        suffix != '.jpg'
    )
    init_default_scope('mmseg')
    dataset = PolypDataset(
        data_root=str(target),
        ann_file='splits/all.txt',
        img_suffix=suffix,
        pipeline=[{'type': 'LoadAnnotations'}],
    )
    assert len(dataset) == 4
    for index, id_ in enumerate('abcd'):
        stored = io.BytesIO(files[f'masks/cju_{id_}.jpg'])
        expected = np.asarray(Image.open(stored)) > 127
        found = dataset[index]['gt_seg_map']
        # A second JPEG encoding may move values near the threshold only.
        assert (found != expected).mean() < 0.01


def test_the_report_names_no_check_of_lists_that_are_not_there(
    files, splits, tmp_path, write_zip
):
    source = write_zip(files)

    unsplit = convert_polyps(source, tmp_path / 'unsplit').text()
    split = convert_polyps(source, tmp_path / 'split', splits=splits).text()

    assert 'every mask has the size of its image' in unsplit
    for word in ('train', 'tuning', 'an image of'):
        assert word not in unsplit
    assert 'an image of val' in split
    assert 'tuning lists' in split


def test_own_split_lists_are_copied(files, splits, tmp_path, write_zip):
    target = tmp_path / 'out'
    report = convert_polyps(write_zip(files), target, splits=splits)
    assert SplitLists.read(target / 'splits') == splits
    assert report.split_sizes == {'train': 3, 'val': 1, 'tune_val': 1}


def test_copies_in_train_and_val_are_found_though_all_are_listed(
    files, splits, tmp_path, write_zip
):
    files['images/cju_d.jpg'] = files['images/cju_a.jpg']
    everything = {'all': (*splits.ids['train'], *splits.ids['val'])}
    lists = SplitLists({**splits.ids, **everything})
    with pytest.raises(ValueError, match='train and val must not share'):
        convert_polyps(write_zip(files), tmp_path / 'out', splits=lists)


def smooth(seed):
    """A picture with few fine details, as photographs are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3))
    image = Image.fromarray(coarse.astype(np.uint8))
    return image.resize((64, 48), Image.Resampling.BICUBIC)


def test_compressed_copies_in_train_and_val_are_noted(
    files, splits, tmp_path, write_zip
):
    for id_, image, quality in (
        ('a', smooth(1), 95),
        ('b', smooth(2), 95),
        ('c', smooth(1), 94),
        ('d', smooth(1), 80),
    ):
        buffer = io.BytesIO()
        image.save(buffer, format='JPEG', quality=quality)
        files[f'images/cju_{id_}.jpg'] = buffer.getvalue()
    report = convert_polyps(write_zip(files), tmp_path / 'out', splits=splits)
    lines = [n for n in report.notes if n.startswith('nearly identical')]
    # Copies within train are nobody's concern.
    assert len(lines) == 2
    for id_ in 'ac':
        assert any(
            f'cju_{id_} (train), cju_d (val) (' in line for line in lines
        )
    assert all('of 256 bits of their perceptual' in line for line in lines)


def test_a_sequence_on_both_sides_is_refused(
    files, splits, tmp_path, write_zip
):
    ids = 'cju_a', 'cju_b', 'cju_c', 'cju_d'
    whole = SplitLists(splits.ids, dict(zip(ids, '1123', strict=True)))
    report = convert_polyps(write_zip(files), tmp_path / 'out', splits=whole)
    assert 'no sequence has images in both' in report.text()
    divided = SplitLists(splits.ids, dict(zip(ids, '1221', strict=True)))
    with pytest.raises(ValueError, match='group 1: .* both train and val'):
        convert_polyps(write_zip(files), tmp_path / 'two', splits=divided)


def test_clinicdb_is_converted_with_its_sequences(clinicdb_archive, tmp_path):
    target = tmp_path / 'out'
    lists = SplitLists.of_record('cvc-clinicdb')
    report = convert_polyps(clinicdb_archive, target, splits=lists)
    assert report.num_pairs == 296
    assert report.num_groups == 14
    assert SplitLists.read(target / 'splits') == lists
    with zipfile.ZipFile(clinicdb_archive) as archive:
        stored = archive.open('CVC-ClinicDB/masks/7.jpg')
        three_channels = np.asarray(Image.open(stored))
    assert three_channels.shape == (256, 256, 3)
    mask = np.asarray(Image.open(target / 'masks/7.png'))
    expected = three_channels.mean(axis=2) > 127
    # The channels of a JPEG may differ by a value or two.
    assert (mask != expected).mean() < 0.001
    init_default_scope('mmseg')
    dataset = PolypDataset(
        data_root=str(target), ann_file='splits/val.txt', pipeline=[]
    )
    assert len(dataset) == 128


def test_images_of_two_formats_are_refused(files, tmp_path, write_zip):
    image = files.pop('images/cju_b.jpg')
    files['images/cju_b.png'] = image
    with pytest.raises(
        ValueError, match=r'one suffix for all images, got \.jpg, \.png'
    ):
        convert_polyps(write_zip(files), tmp_path / 'out')


def test_two_files_of_one_id_are_refused(files, tmp_path, write_zip):
    files['masks/cju_b.png'] = files['masks/cju_b.jpg']
    with pytest.raises(
        ValueError, match=r'masks/cju_b\.png: expected one file per id'
    ):
        convert_polyps(write_zip(files), tmp_path / 'out')


def test_the_tool_takes_lists_or_makes_one(
    files, splits, tmp_path, write_zip, capsys
):
    source = write_zip(files)
    splits.write(tmp_path / 'lists')
    tool = 'dataset_converters/polyps.py'
    run_tool(tool, source, tmp_path / 'one')
    assert 'Pairs:  4 (4 all)' in capsys.readouterr().out
    run_tool(tool, source, tmp_path / 'two', '--splits', tmp_path / 'lists')
    assert '3 train, 1 tune_val, 1 val' in capsys.readouterr().out
    error = error_of_tool(
        capsys, tool, source, tmp_path / 'three', '--splits', tmp_path
    )
    assert error.startswith('polyps.py: split lists: expected')
    assert not (tmp_path / 'three').exists()
