# Copyright (c) gps_seg contributors. Apache-2.0.
"""A good source is converted exactly; a bad one changes nothing."""

import errno
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gps_seg.datasets.conversion.kvasir_seg import convert_kvasir_seg
from gps_seg.datasets.conversion.pair_checks import check_mask
from gps_seg.datasets.split_lists import SplitLists
from gps_seg.files import new_folder

ANYONE = 'cju_b'


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def encode(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format='JPEG', quality=90)
    return buffer.getvalue()


def grey(value: int, shape=(48, 64)) -> bytes:
    return encode(np.full(shape, value, np.uint8))


# --- what is written ------------------------------------------------------


@pytest.mark.parametrize('below', ['', 'Kvasir-SEG/', 'a/b/'])
@pytest.mark.parametrize('kind', ['zip', 'folder'])
def test_converts_every_layout(
    files, splits, tmp_path, write_zip, write_folder, kind, below
):
    extra = {'kavsir_bboxes.json': b'{}', 'notes.txt': b'x'}
    write = write_zip if kind == 'zip' else write_folder
    source = write(files | extra, below)
    target = tmp_path / 'out' / 'kvasir-seg'

    report = convert_kvasir_seg(source, target, splits=splits)

    assert report.num_pairs == 4
    assert sorted(p.name for p in target.iterdir()) == [
        'conversion_report.json',
        'conversion_report.txt',
        'images',
        'masks',
        'splits',
    ]
    for name, content in files.items():
        folder, file = name.split('/')
        if folder == 'images':
            assert (target / name).read_bytes() == content
        else:
            mask = Image.open(target / 'masks' / file.replace('jpg', 'png'))
            assert mask.mode == 'L'
            expected = [[int(v > 127) for v in row] for row in pixels(content)]
            assert np.asarray(mask).tolist() == expected
    assert len(list((target / 'images').iterdir())) == 4
    assert len(list((target / 'masks').iterdir())) == 4
    assert list(target.parent.iterdir()) == [target]


def test_copies_the_split_lists(files, splits, tmp_path, write_zip):
    target = tmp_path / 'out'
    convert_kvasir_seg(write_zip(files), target, splits=splits)
    assert (target / 'splits/train.txt').read_bytes() == (
        b'cju_a\ncju_b\ncju_c\n'
    )
    assert SplitLists.read(target / 'splits') == splits


def test_reads_masks_with_three_channels(files, splits, tmp_path, write_zip):
    name = f'masks/{ANYONE}.jpg'
    alone = pixels(files[name])
    files[name] = encode(np.repeat(alone[..., None], 3, axis=2))
    target = tmp_path / 'out'
    convert_kvasir_seg(write_zip(files), target, splits=splits)
    mask = np.asarray(Image.open(target / f'masks/{ANYONE}.png'))
    # A second JPEG encoding may move values near the threshold only.
    assert (mask != (alone > 127)).mean() < 0.01


def test_threshold_is_above_127():
    grey = np.zeros((32, 32), np.uint8)
    grey[4, 4:8] = (126, 127, 128, 255)
    facts = check_mask(grey, (32, 32, 3))
    assert facts.classes[4, 4:8].tolist() == [0, 0, 1, 1]
    assert facts.classes.sum() == 2
    assert facts.polyp_share == 2 / 1024
    assert facts.mid_grey_share == 3 / 1024


def test_softened_outlines_pass(files, splits, tmp_path, write_zip):
    name = f'masks/{ANYONE}.jpg'
    mask = Image.fromarray(pixels(files[name]))
    smaller = mask.resize((32, 24), Image.Resampling.BILINEAR)
    larger = smaller.resize(mask.size, Image.Resampling.BILINEAR)
    files[name] = encode(np.asarray(larger))
    report = convert_kvasir_seg(
        write_zip(files), tmp_path / 'out', splits=splits
    )
    assert report.max_mid_grey_share > 0.01


def test_report_states_the_facts(files, splits, tmp_path, write_zip):
    files['train.txt'] = b'cju_a\n'
    files['images/cju_c.jpg'] = files['images/cju_b.jpg']
    target = tmp_path / 'out'
    report = convert_kvasir_seg(write_zip(files), target, splits=splits)

    facts = json.loads((target / 'conversion_report.json').read_text())
    shares = [
        float((pixels(content) > 127).mean())
        for name, content in files.items()
        if name.startswith('masks')
    ]
    assert facts['num_pairs'] == 4
    assert facts['split_sizes'] == {'train': 3, 'val': 1, 'tune_val': 1}
    assert facts['sizes'] == {'64x48': 4}
    assert facts['problems'] == []
    assert 'every image has a mask, every mask an image' in facts['checks']
    assert 'polyp_shares' not in facts
    assert facts['polyp_share'] == pytest.approx(
        {'mean': np.mean(shares), 'min': min(shares), 'max': max(shares)}
    )
    assert 'cju_b (train), cju_c (train)' in ' '.join(facts['notes'])
    assert 'train.txt of the source differs from the list' in str(facts)
    text = (target / 'conversion_report.txt').read_text()
    assert text == report.text()
    assert '3 train, 1 val' in text


def test_accepts_an_empty_target(files, splits, tmp_path, write_zip):
    target = tmp_path / 'out'
    target.mkdir()
    convert_kvasir_seg(write_zip(files), target, splits=splits)
    assert (target / 'masks').is_dir()


def test_target_has_the_usual_permissions(files, splits, tmp_path, write_zip):
    usual = tmp_path / 'usual'
    usual.mkdir()
    target = tmp_path / 'out'
    convert_kvasir_seg(write_zip(files), target, splits=splits)
    assert target.stat().st_mode == usual.stat().st_mode


def test_progress_sees_every_id(files, splits, tmp_path, write_zip):
    seen = []

    def progress(ids):
        assert len(ids) == 4
        for id_ in ids:
            seen.append(id_)
            yield id_

    convert_kvasir_seg(
        write_zip(files), tmp_path / 'out', splits=splits, progress=progress
    )
    assert seen == ['cju_a', 'cju_b', 'cju_c', 'cju_d']


# --- bad sources ----------------------------------------------------------


def without(name):
    return lambda files: files.pop(name)


def replaced(name, content):
    return lambda files: files.update({name: content})


def truncated(name, keep):
    return lambda files: files.update({name: files[name][:keep]})


def copied(name, other):
    return lambda files: files.update({name: files[other]})


BAD = {
    'image without mask': (
        without('masks/cju_b.jpg'),
        'cju_b: is an image without a mask',
    ),
    'mask without image': (
        without('images/cju_b.jpg'),
        'cju_b: is a mask without an image',
    ),
    'listed but absent': (
        lambda f: (f.pop('images/cju_d.jpg'), f.pop('masks/cju_d.jpg')),
        'cju_d: is in a split list but not in the source',
    ),
    'in no split': (
        lambda f: f.update(
            {'images/new.jpg': grey(90), 'masks/new.jpg': grey(255)}
        ),
        'new: is in no split list',
    ),
    'wrong size': (
        replaced('masks/cju_b.jpg', grey(255, (48, 60))),
        'masks/cju_b.jpg: expected the size of its image, 64 x 48 .* got 60 x',
    ),
    'not an image': (
        replaced('images/cju_b.jpg', b'no JPEG'),
        'images/cju_b.jpg: expected an image file, got other bytes',
    ),
    'empty file': (
        replaced('masks/cju_b.jpg', b''),
        'masks/cju_b.jpg: expected an image file, got other bytes',
    ),
    'half an image': (
        truncated('images/cju_b.jpg', 1500),
        'images/cju_b.jpg: expected a complete image file, cannot decode it',
    ),
    'image short of its end': (
        truncated('images/cju_b.jpg', -2),
        'images/cju_b.jpg: expected a complete image file, cannot decode it',
    ),
    'half a mask': (
        truncated('masks/cju_b.jpg', 400),
        'masks/cju_b.jpg: expected a complete image file, cannot decode it',
    ),
    'empty mask': (
        replaced('masks/cju_b.jpg', grey(0)),
        r'masks/cju_b.jpg: expected a polyp, got an empty mask',
    ),
    'mid-grey mask': (
        replaced('masks/cju_b.jpg', grey(128)),
        'masks/cju_b.jpg: expected two values .* 100.0% of the pixels in pat',
    ),
    'photo as mask': (
        replaced(
            'masks/cju_b.jpg',
            encode(np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (48, 1))),
        ),
        r'masks/cju_b.jpg: expected two values',
    ),
    'copy across splits': (
        copied('images/cju_b.jpg', 'images/cju_d.jpg'),
        r'identical images: cju_b \(train\), cju_d \(val\); train and val',
    ),
}


@pytest.mark.parametrize('case', BAD)
@pytest.mark.parametrize('kind', ['zip', 'folder'])
def test_bad_source_is_refused(
    files, splits, tmp_path, write_zip, write_folder, case, kind
):
    spoil, message = BAD[case]
    spoil(files)
    source = (write_zip if kind == 'zip' else write_folder)(files)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match=message) as caught:
        convert_kvasir_seg(source, tmp_path / 'out', splits=splits)
    assert 'found 1. Nothing was written.' in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


BAD_SPLITS = {
    'in two splits': (
        {'val': ('cju_d', 'cju_a')},
        'cju_a: expected in one split, is in both train and val',
    ),
    'twice in one split': (
        {'val': ('cju_d', 'cju_d')},
        'cju_d: expected once in val.txt, found 2 times',
    ),
    'tuning on validation images': (
        {'tune_val': ('cju_d',)},
        'cju_d: is in tune_val.txt but not in train.txt',
    ),
    'overlapping tuning lists': (
        {'tune_train': ('cju_b',)},
        'cju_b: expected in one split, is in both tune_val and tune_train',
    ),
}


@pytest.mark.parametrize('case', BAD_SPLITS)
def test_bad_split_lists_are_refused(files, splits, tmp_path, write_zip, case):
    change, message = BAD_SPLITS[case]
    source = write_zip(files)
    with pytest.raises(ValueError, match=message):
        convert_kvasir_seg(
            source,
            tmp_path / 'out',
            splits=SplitLists({**splits.ids, **change}),
        )
    assert list(tmp_path.iterdir()) == [source]


def test_all_problems_are_listed_at_once(files, splits, tmp_path, write_zip):
    for id_ in ('cju_a', 'cju_b', 'cju_c', 'cju_d'):
        files[f'masks/{id_}.jpg'] = grey(0)
    for index in range(20):
        files[f'images/new_{index:02}.jpg'] = grey(90)
    with pytest.raises(ValueError, match='found 24') as caught:
        convert_kvasir_seg(write_zip(files), tmp_path / 'out', splits=splits)
    text = str(caught.value)
    assert len(re.findall(r'^  - new_', text, re.MULTILINE)) == 10
    assert text.endswith('- and 14 more')


def test_corrupt_member_of_an_archive(files, splits, tmp_path, write_zip):
    source = write_zip(files)
    with zipfile.ZipFile(source) as archive:
        member = archive.getinfo(f'images/{ANYONE}.jpg')
    content = bytearray(source.read_bytes())
    # The archive is stored, not deflated: behind the header lie the pixels.
    content[member.header_offset + 1000] ^= 0xFF
    source.write_bytes(content)
    with pytest.raises(ValueError, match=f'{ANYONE}.jpg: cannot be read'):
        convert_kvasir_seg(source, tmp_path / 'out', splits=splits)
    assert list(tmp_path.iterdir()) == [source]


# --- wrong paths and hostile archives -------------------------------------


def test_missing_source(splits, tmp_path):
    with pytest.raises(FileNotFoundError, match='found nothing at .*nowhere'):
        convert_kvasir_seg(tmp_path / 'nowhere', tmp_path / 'out')
    assert not list(tmp_path.iterdir())


def test_source_is_no_archive(splits, tmp_path):
    source = tmp_path / 'kvasir-seg.zip'
    source.write_bytes(b'<html>404</html>')
    with pytest.raises(ValueError, match='not a zip archive'):
        convert_kvasir_seg(source, tmp_path / 'out', splits=splits)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize('missing', ['images', 'masks', ''])
def test_source_without_data(files, splits, tmp_path, write_zip, missing):
    kept = {k: v for k, v in files.items() if not k.startswith(missing)}
    source = write_zip(kept)
    with pytest.raises(ValueError, match='expected one folder .* found none'):
        convert_kvasir_seg(source, tmp_path / 'out', splits=splits)
    assert list(tmp_path.iterdir()) == [source]


def test_source_with_two_data_sets(files, splits, tmp_path, write_zip):
    twice = {f'{k}/{n}': v for k in 'ab' for n, v in files.items()}
    with pytest.raises(ValueError, match='found a, b'):
        convert_kvasir_seg(write_zip(twice), tmp_path / 'out', splits=splits)


def test_macos_leftovers_are_ignored(files, splits, tmp_path, write_zip):
    leftovers = {f'__MACOSX/{n}': b'x' for n in files}
    report = convert_kvasir_seg(
        write_zip(files | leftovers), tmp_path / 'out', splits=splits
    )
    assert report.num_pairs == 4


@pytest.mark.parametrize(
    'name', ['../images/x.jpg', '/images/x.jpg', 'a/..\\..\\x.jpg', 'C:/x.jpg']
)
def test_archive_that_leads_outside(files, splits, tmp_path, write_zip, name):
    source = write_zip({**files, name: b'x'})
    with pytest.raises(ValueError, match='expected names inside the archive'):
        convert_kvasir_seg(source, tmp_path / 'out', splits=splits)
    assert list(tmp_path.iterdir()) == [source]


# --- the target -----------------------------------------------------------


def test_target_with_files_is_never_overwritten(
    files, splits, tmp_path, write_zip
):
    target = tmp_path / 'out'
    target.mkdir()
    (target / 'mine.txt').write_text('precious')
    with pytest.raises(FileExistsError, match=re.escape(str(target))):
        convert_kvasir_seg(write_zip(files), target, splits=splits)
    assert [p.name for p in target.iterdir()] == ['mine.txt']
    assert (target / 'mine.txt').read_text() == 'precious'


def test_target_that_is_a_file(files, splits, tmp_path, write_zip):
    target = tmp_path / 'out'
    target.write_text('precious')
    with pytest.raises(FileExistsError, match='got a file'):
        convert_kvasir_seg(write_zip(files), target, splits=splits)
    assert target.read_text() == 'precious'


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize('place', ['cju_c.jpg', 'train.txt', 'partial'])
def test_full_disk(
    files, splits, tmp_path, write_zip, monkeypatch, place, number
):
    source = write_zip(files)

    def fails_on(method):
        def write(self, *args, **kwargs):
            if place in self.name:
                raise OSError(number, 'no room')
            return method(self, *args, **kwargs)

        return write

    for name in ('write_bytes', 'write_text', 'mkdir'):
        original = getattr(Path, name)
        monkeypatch.setattr(Path, name, fails_on(original))
    with pytest.raises(OSError, match='the disk is full') as caught:
        convert_kvasir_seg(source, tmp_path / 'out', splits=splits)
    assert caught.value.errno == number
    assert caught.value.filename == str(tmp_path / 'out')
    assert list(tmp_path.iterdir()) == [source]


def test_interruption_leaves_nothing(files, splits, tmp_path, write_zip):
    source = write_zip(files)

    def progress(ids):
        yield ids[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert_kvasir_seg(
            source, tmp_path / 'out', splits=splits, progress=progress
        )
    assert list(tmp_path.iterdir()) == [source]


def test_target_filled_meanwhile_is_kept(files, splits, tmp_path, write_zip):
    target = tmp_path / 'out'

    def progress(ids):
        yield from ids
        target.mkdir()
        (target / 'mine.txt').write_text('precious')

    with pytest.raises(OSError, match=re.escape(str(target))):
        convert_kvasir_seg(
            write_zip(files), target, splits=splits, progress=progress
        )
    assert (target / 'mine.txt').read_text() == 'precious'
    assert sorted(p.name for p in tmp_path.iterdir()) == ['out', 'source.zip']


def test_other_errors_of_the_disk_are_passed_on(tmp_path):
    with (
        pytest.raises(PermissionError, match='mine'),
        new_folder(tmp_path / 'out'),
    ):
        raise PermissionError(errno.EACCES, 'mine')


# --- the real data --------------------------------------------------------


def test_real_archive_has_no_problem(kvasir_archive, tmp_path):
    target = tmp_path / 'kvasir-seg'
    report = convert_kvasir_seg(kvasir_archive, target)
    assert report.num_pairs == 1000
    assert report.split_sizes == {
        'train': 880,
        'val': 120,
        'tune_train': 300,
        'tune_val': 100,
        'confirm_train': 300,
        'confirm_val': 180,
    }
    assert report.notes == []
    assert report.problems == []
    ids = SplitLists.read(target / 'splits').ids
    written = {path.stem for path in (target / 'masks').iterdir()}
    assert written == set(ids['train']) | set(ids['val'])
    assert np.mean(report.polyp_shares) == pytest.approx(0.154, abs=5e-4)
    assert min(report.polyp_shares) == pytest.approx(0.0048, abs=5e-5)
    assert max(report.polyp_shares) == pytest.approx(0.812, abs=5e-4)
