# Copyright (c) gps_seg contributors. Apache-2.0.
"""ADE20K: what the converter refuses, writes and counts; the data set."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from gps_seg.datasets import (
    CheckedADE20KDataset,
    check_ade20k,
    convert_ade20k,
)

SIZE = (24, 32)  # height, width

Files = dict[str, bytes]


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


def labels(*values: int) -> np.ndarray:
    """Equal stripes of the values."""
    stripes = np.array_split(np.zeros(SIZE, np.uint8), len(values), axis=1)
    return np.concatenate(
        [s + np.uint8(v) for s, v in zip(stripes, values, strict=True)], axis=1
    )


@pytest.fixture
def files() -> Files:
    """Three pairs as in the official archive, to be spoiled by a test."""
    rng = np.random.default_rng(0)
    made = {}
    for split, name, values in (
        ('training', 'ADE_train_00000001', (0, 1)),
        ('training', 'ADE_train_00000002', (150, 7)),
        ('validation', 'ADE_val_00000001', (0, 7, 7, 1)),
    ):
        image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        made[f'images/{split}/{name}.jpg'] = encoded(image, 'JPEG')
        made[f'annotations/{split}/{name}.png'] = encoded(
            labels(*values), 'PNG'
        )
    return made


FIRST = 'annotations/training/ADE_train_00000001.png'
Write = Callable[..., Path]


def test_pairs_are_copied_byte_for_byte(
    files: Files, write_zip: Write, tmp_path: Path
) -> None:
    below = 'ADEChallengeData2016/'
    copies = {f'{below}{name}': content for name, content in files.items()}
    # What macOS adds to an archive that is packed again.
    forks = {f'__MACOSX/{name}': b'' for name in copies}
    source = write_zip(copies | forks | {f'{below}sceneCategories.txt': b'x'})
    target = tmp_path / 'ade/ADEChallengeData2016'

    report = convert_ade20k(source, target, partial=True)

    written = {
        path.relative_to(target).as_posix(): path.read_bytes()
        for path in target.rglob('*.*')
        if path.suffix in ('.jpg', '.png')
    }
    assert written == files
    assert report.num_pairs == {'training': 2, 'validation': 1}
    assert report.num_labels == 3  # 1, 7 and 150
    assert report.unlabelled_share == pytest.approx(
        (SIZE[1] / 2 + SIZE[1] / 4) / (3 * SIZE[1])
    )
    facts = json.loads((target / 'conversion_report.json').read_text())
    assert facts['label_pixels'][150] == SIZE[0] * SIZE[1] / 2
    assert (target / 'conversion_report.txt').read_text() == report.text()
    assert 'not checked (partial)' in report.text()


def test_a_folder_is_checked_without_writing(
    files: Files, write_folder: Write, tmp_path: Path
) -> None:
    source = write_folder(files)
    before = sorted(tmp_path.rglob('*'))
    assert check_ade20k(source, partial=True).num_pairs['training'] == 2
    assert sorted(tmp_path.rglob('*')) == before


def test_official_numbers_are_expected(
    files: Files,
    write_folder: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = write_folder(files)
    with pytest.raises(ValueError, match='training: expected 20210 pairs, f'):
        convert_ade20k(source, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    # A stand-in for the official archive, which tests cannot have.
    small = {'training': 2, 'validation': 1}
    monkeypatch.setattr(
        'gps_seg.datasets.conversion.ade20k_layout.OFFICIAL', small
    )
    assert convert_ade20k(source, tmp_path / 'out').num_pairs == small


def spoil(files: Files, how: str) -> str:
    """Break one file; gives what the error says about it."""
    if how == 'no annotation':
        del files[FIRST]
        return (
            r'images/training/ADE_train_00000001.jpg: image without an '
            r'annotation \(training\)'
        )
    if how == 'no image':
        del files['images/validation/ADE_val_00000001.jpg']
        return (
            r'annotations/validation/ADE_val_00000001.png: annotation without '
            r'an image'
        )
    if how == 'label':
        files[FIRST] = encoded(labels(1, 151, 200), 'PNG')
        return rf'{FIRST}: expected labels 0..150, got \[151, 200\] \(504 p'
    if how == 'size':
        files[FIRST] = encoded(labels(1, 2)[:-1], 'PNG')
        return (
            rf'{FIRST}: expected the size of its image, 32 x 24 \(width x '
            r'height\), got 32 x 23'
        )
    if how == 'bits':
        files[FIRST] = encoded(labels(1).astype(np.uint16), 'PNG')
        return rf'{FIRST}: expected an 8-bit map .*uint16'
    if how == 'channels':
        files[FIRST] = encoded(np.zeros((*SIZE, 3), np.uint8), 'PNG')
        return rf'{FIRST}: expected an 8-bit map of one channel, got shape'
    image = 'images/training/ADE_train_00000002.jpg'
    files[image] = files[image][:-200]
    return rf'{image}: expected a complete image file'


@pytest.mark.parametrize(
    'how',
    ['no annotation', 'no image', 'label', 'size', 'bits', 'channels', 'cut'],
)
def test_a_broken_pair_is_named_and_nothing_is_written(
    files: Files, write_zip: Write, tmp_path: Path, how: str
) -> None:
    expected = spoil(files, how)
    source = write_zip(files)
    with pytest.raises(ValueError, match=expected):
        convert_ade20k(source, tmp_path / 'out', partial=True)
    assert list(tmp_path.iterdir()) == [source]


def test_all_problems_are_told_at_once(
    files: Files, write_zip: Write, tmp_path: Path
) -> None:
    for how in ('no image', 'label'):
        spoil(files, how)
    with pytest.raises(ValueError, match='found 2'):
        convert_ade20k(write_zip(files), tmp_path / 'out', partial=True)


def test_palette_indices_are_the_labels(
    files: Files, write_zip: Write, tmp_path: Path
) -> None:
    """As MMSegmentation reads them: a palette changes no label."""
    image = Image.fromarray(labels(3, 4))
    image.putpalette([255 - i // 3 for i in range(768)])
    buffer = io.BytesIO()
    image.save(buffer, format='PNG')
    files[FIRST] = buffer.getvalue()
    report = convert_ade20k(write_zip(files), tmp_path / 'out', partial=True)
    assert report.label_pixels[3] == SIZE[0] * SIZE[1] / 2


def test_an_annotation_without_labels_is_a_note(
    files: Files, write_folder: Write
) -> None:
    files[FIRST] = encoded(labels(0), 'PNG')
    report = check_ade20k(write_folder(files), partial=True)
    assert report.notes == [f'{FIRST}: no pixel has a label']
    assert report.notes[0] in report.text()


@pytest.mark.parametrize('copies', [0, 2])
def test_another_layout_is_refused(
    files: Files, write_folder: Write, copies: int
) -> None:
    many = {f'{n}/{k}': v for n in range(copies) for k, v in files.items()}
    source = write_folder(many or {'pictures/a.jpg': b''})
    expected = 'found 0, 1' if copies else 'found none'
    with pytest.raises(ValueError, match=expected):
        check_ade20k(source, partial=True)


def test_a_target_in_use_is_left_alone(files: Files, write_zip: Write) -> None:
    source = write_zip(files)
    with pytest.raises(FileExistsError, match='new or empty'):
        convert_ade20k(source, source.parent, partial=True)


# The data set


@pytest.fixture(autouse=True)
def _scope() -> None:
    init_default_scope('mmseg')


def build(root: Path, split: str = 'training', **kwargs):
    return DATASETS.build(
        {
            'type': 'CheckedADE20KDataset',
            'data_root': str(root),
            'data_prefix': {
                'img_path': f'images/{split}',
                'seg_map_path': f'annotations/{split}',
            },
            'pipeline': [
                {'type': 'LoadImageFromFile'},
                {'type': 'LoadAnnotations'},
                {'type': 'CheckLabels', 'num_classes': 150},
            ],
            **kwargs,
        }
    )


def test_samples_are_pairs_with_reduced_labels(
    files: Files, write_folder: Write
) -> None:
    dataset = build(write_folder(files), num_pairs=2)
    assert isinstance(dataset, CheckedADE20KDataset)
    assert len(dataset) == 2
    assert len(dataset.metainfo['classes']) == 150
    second = dataset[1]
    assert second['img_path'].endswith('ADE_train_00000002.jpg')
    np.testing.assert_array_equal(second['gt_seg_map'], labels(149, 6))
    np.testing.assert_array_equal(dataset[0]['gt_seg_map'], labels(255, 0))


def test_absent_data_says_what_to_download_and_where_it_goes(
    tmp_path: Path,
) -> None:
    root = tmp_path / 'ade'
    with pytest.raises(FileNotFoundError) as caught:
        build(root)
    message = str(caught.value)
    assert 'ADEchallenge/ADEChallengeData2016.zip' in message
    assert f'ade20k.py ADEChallengeData2016.zip {root} ' in message
    assert f'{root}/images/training' in message


@pytest.mark.parametrize('kind', ['images', 'annotations'])
def test_a_missing_file_is_named(
    files: Files, write_folder: Write, kind: str
) -> None:
    suffix = {'images': 'jpg', 'annotations': 'png'}[kind]
    name = f'{kind}/training/ADE_train_00000002.{suffix}'
    root = write_folder(files)
    (root / name).unlink()
    with pytest.raises(FileNotFoundError, match=f'1 file.*{root / name}'):
        build(root)


def test_a_partial_data_set_must_be_asked_for(
    files: Files, write_folder: Write
) -> None:
    root = write_folder(files)
    with pytest.raises(ValueError, match=r'expected 20210 pairs, got 2 \('):
        build(root, num_pairs=20210)
    assert len(build(root)) == 2


@pytest.mark.parametrize(
    ('how', 'expected'),
    [
        ('label', r'labels 0\.\.149 or 255, got \[150, 199\] \(504 pixels'),
        ('size', r'expected the shape of its image, \(24, 32\), got \(23, 3'),
    ],
)
def test_a_wrong_annotation_is_named_when_it_is_read(
    files: Files, write_folder: Write, how: str, expected: str
) -> None:
    spoil(files, how)
    dataset = build(write_folder(files))
    with pytest.raises(ValueError, match=f'{FIRST}: .*{expected}'):
        dataset[0]


def test_the_size_is_that_of_the_file_even_after_resizing() -> None:
    check = TRANSFORMS.build({'type': 'CheckLabels', 'num_classes': 2})
    results = {
        'ori_shape': (4, 6),
        'img_shape': (8, 12),
        'gt_seg_map': np.full((4, 6), 255, np.uint8),
    }
    assert check(results) is results


def test_an_image_without_an_annotation_passes_the_check() -> None:
    check = TRANSFORMS.build({'type': 'CheckLabels', 'num_classes': 2})
    image = {'img_path': 'polyp.jpg', 'ori_shape': (4, 6)}
    assert check(image) is image
    with pytest.raises(KeyError, match='gt_seg_map'):  # it was not loaded
        check({**image, 'seg_map_path': 'polyp.png'})


def test_the_few_real_pairs(shared_dir: Path, tmp_path: Path) -> None:
    archive = shared_dir / 'data/ade20k-mini/ade20k-mini.zip'
    if not archive.exists():
        pytest.skip(f'optional test data is not there: {archive}')
    report = convert_ade20k(archive, tmp_path / 'mini', partial=True)
    assert report.num_pairs == {'validation': 33}
    assert report.num_labels == 87
    assert report.unlabelled_share == pytest.approx(0.021, abs=5e-4)
    with zipfile.ZipFile(archive) as members:
        name = 'annotations/validation/ADE_val_00000123.png'
        written = (tmp_path / 'mini' / name).read_bytes()
        assert written == members.read(name)
    assert len(build(tmp_path / 'mini', 'validation')) == 33
