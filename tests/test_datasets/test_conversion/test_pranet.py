# Copyright (c) gps_seg contributors. Apache-2.0.
"""PraNet's archives become a training set and five test sets."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
from mmengine import Config
from mmengine.registry import DATASETS, init_default_scope
from PIL import Image
from run_tool import error_of_tool, run_tool

from gps_seg.datasets import PolypDataset, SplitLists, convert_pranet
from gps_seg.datasets.image_groups import read_groups

TESTS = (
    'Kvasir',
    'CVC-ClinicDB',
    'CVC-300',
    'CVC-ColonDB',
    'ETIS-LaribPolypDB',
)
TRAINING = ('cju1', 'cju2', '1', '2', '30')
#: Videos of frames; 3 and 40 are tested on, and 50, of an unknown video.
GROUPS = {'cju1': 'cju1', 'cju2': 'cju2', '1': 'v1', '2': 'v1', '3': 'v1'} | {
    '30': 'v2',
    '40': 'v3',
}


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format='PNG')
    return buffer.getvalue()


def pair(number):
    """An image of its own and the mask of a square, as PNG."""
    image = np.random.default_rng(number).integers(0, 256, (24, 32, 3))
    mask = np.zeros((24, 32), np.uint8)
    mask[4:12, 6 : 10 + number] = 255
    return png(image.astype(np.uint8)), png(mask)


@pytest.fixture
def lists():
    everything = {'all': TRAINING, 'train': TRAINING[:4], 'val': TRAINING[4:]}
    return SplitLists(everything, GROUPS)


@pytest.fixture
def protocol():
    """Files of a small copy, to be spoiled by a test."""
    ids = {'Kvasir': ('cju9',), 'CVC-ClinicDB': ('3', '40', '50')}
    folders = {'TrainDataset': TRAINING} | {
        f'TestDataset/{name}': ids.get(name, ('1', '2')) for name in TESTS
    }
    files, number = {}, 0
    for folder, names in folders.items():
        s = '' if folder == 'TrainDataset' else 's'
        for id_ in names:
            number += 1
            image, mask = pair(number)
            files[f'{folder}/image{s}/{id_}.png'] = image
            files[f'{folder}/mask{s}/{id_}.png'] = mask
    return files


def zipped(path, files):
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def convert(files, tmp_path, lists, **kwargs):
    source = zipped(tmp_path / 'pranet.zip', files)
    options = {'partial': True, 'splits': lists} | kwargs
    return convert_pranet([source], tmp_path / 'out', **options)


def problems(files, tmp_path, lists, **kwargs):
    with pytest.raises(ValueError, match='found .* Nothing was') as error:
        convert(files, tmp_path, lists, **kwargs)
    assert not (tmp_path / 'out').exists()
    return str(error.value)


def test_each_set_is_a_data_set_with_its_own_files(protocol, tmp_path, lists):
    report = convert(protocol, tmp_path, lists)
    init_default_scope('mmseg')
    sizes = {}
    for name in ('train', *TESTS):
        dataset = PolypDataset(
            data_root=str(tmp_path / 'out' / name),
            ann_file='splits/all.txt',
            img_suffix='.png',
            pipeline=[{'type': 'LoadAnnotations'}],
        )
        for sample in (dataset[i] for i in range(len(dataset))):
            id_ = sample['img_path'].rpartition('/')[2]
            folder = (
                'TrainDataset/image'
                if name == 'train'
                else f'TestDataset/{name}/images'
            )
            stored = f'{folder}/{id_}'
            content = (tmp_path / 'out' / name / 'images' / id_).read_bytes()
            assert content == protocol[stored]
            mask = protocol[stored.replace('/image', '/mask')]
            expected = np.asarray(Image.open(io.BytesIO(mask))) // 255
            assert (sample['gt_seg_map'] == expected).all()
        sizes[name] = len(dataset)
    assert sizes == {
        'train': 5,
        'Kvasir': 1,
        'CVC-ClinicDB': 3,
        'CVC-300': 2,
        'CVC-ColonDB': 2,
        'ETIS-LaribPolypDB': 2,
    }
    text = (tmp_path / 'out/conversion_report.txt').read_text()
    assert text == report.text()
    assert 'Pairs:  15 (train 5, Kvasir 1, CVC-ClinicDB 3,' in text
    facts = json.loads((tmp_path / 'out/conversion_report.json').read_text())
    assert facts['sets']['train']['split_sizes'] == {
        'all': 5,
        'train': 4,
        'val': 1,
    }


def test_videos_go_with_the_frames_of_clinicdb_alone(
    protocol, tmp_path, lists
):
    convert(protocol, tmp_path, lists)
    folder = tmp_path / 'out'
    assert read_groups(folder / 'CVC-ClinicDB/splits') == {
        '3': 'v1',
        '40': 'v3',
    }
    of_training = {id_: GROUPS[id_] for id_ in TRAINING}
    assert read_groups(folder / 'train/splits') == of_training
    # Its frame 1 is another one.
    assert read_groups(folder / 'CVC-ColonDB/splits') == {}


def test_test_frames_of_videos_to_train_on_are_counted(
    protocol, tmp_path, lists
):
    text = convert(protocol, tmp_path, lists).text()
    assert 'CVC-ClinicDB: 1 of 3 test frames are of a video that has' in text


@pytest.mark.parametrize('way', ['two zips', 'two folders', 'nested twice'])
def test_every_layout_gives_the_same_folder(protocol, tmp_path, lists, way):
    convert(protocol, tmp_path, lists)
    parts = {'TrainDataset': {}, 'TestDataset': {}}
    for name, content in protocol.items():
        top, _, rest = name.partition('/')
        if way == 'nested twice':
            rest = f'{top}/{rest}'
        parts[top][rest.replace('/image/', '/images/')] = content
    sources = []
    for top, files in parts.items():
        if way == 'two folders':
            sources.append(tmp_path / 'parts' / top)
            for name, content in files.items():
                path = sources[-1] / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        else:
            sources.append(zipped(tmp_path / f'{top}.zip', files))
    target = tmp_path / 'again'
    convert_pranet(sources, target, partial=True, splits=lists)
    written = [
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob('*.*')
            if 'report' not in path.name
        }
        for folder in (tmp_path / 'out', target)
    ]
    assert len(written[0]) == 2 * 15 + 8 + 2
    assert written[0] == written[1]


def test_fewer_images_than_published_need_a_flag(protocol, tmp_path, lists):
    text = problems(protocol, tmp_path, lists, partial=False)
    for line in (
        'train: expected 1450 images as published, found 5',
        'Kvasir: expected 100 images as published, found 1',
        'CVC-ClinicDB: expected 62 images as published, found 3',
        'CVC-300: expected 60 images as published, found 2',
        'CVC-ColonDB: expected 380 images as published, found 2',
        'ETIS-LaribPolypDB: expected 196 images as published, found 2',
        'add --partial',
    ):
        assert line in text


def test_a_part_of_the_sets_is_noted(protocol, tmp_path, lists):
    part = {
        name: content
        for name, content in protocol.items()
        if 'ETIS' not in name and 'image/cju1' not in name
        if 'mask/cju1' not in name
    }
    report = convert(part, tmp_path, lists)
    assert 'ETIS-LaribPolypDB: the source has no such set' in report.notes
    assert not (tmp_path / 'out/ETIS-LaribPolypDB').exists()
    kept = SplitLists.read(tmp_path / 'out/train/splits')
    assert kept.ids['train'] == ('cju2', '1', '2')
    assert 'as many images as published' not in report.text()


def test_all_problems_are_listed_with_the_set_they_are_in(
    protocol, tmp_path, lists
):
    del protocol['TestDataset/CVC-300/masks/1.png']
    protocol['TestDataset/CVC-300/images/2.png'] = b'not a picture'
    del protocol['TrainDataset/image/cju2.png']
    protocol['TestDataset/Kvasir/masks/cju9.png'] = png(
        np.zeros((24, 32), np.uint8)
    )
    protocol['TrainDataset/image/cju7.png'] = pair(90)[0]
    protocol['TrainDataset/mask/cju7.png'] = pair(90)[1]
    text = problems(protocol, tmp_path, lists)
    for line in (
        'CVC-300: 1: is an image without a mask',
        'CVC-300: images/2.png: expected an image file',
        'train: cju2: is a mask without an image',
        'Kvasir: masks/cju9.png: expected a polyp, got an empty mask',
        'train: cju7: is in no split list',
    ):
        assert line in text
    assert 'found 5' in text


def test_an_image_to_train_on_in_a_test_set_is_refused(
    protocol, tmp_path, lists
):
    test = 'TestDataset/CVC-ColonDB/images/2.png'
    protocol[test] = protocol['TrainDataset/image/30.png']
    text = problems(protocol, tmp_path, lists)
    assert 'identical images: train/30, CVC-ColonDB/2; an image to' in text


def test_copies_in_two_test_sets_are_noted(protocol, tmp_path, lists):
    for kind in ('images', 'masks'):
        copied = protocol[f'TestDataset/CVC-ColonDB/{kind}/2.png']
        protocol[f'TestDataset/CVC-300/{kind}/1.png'] = copied
    text = convert(protocol, tmp_path, lists).text()
    assert 'identical images: CVC-300/1, CVC-ColonDB/2' in text


def test_images_of_two_sets_that_look_alike_are_noted(
    protocol, tmp_path, lists
):
    image = protocol['TrainDataset/image/30.png']
    brighter = np.asarray(Image.open(io.BytesIO(image))) // 2 + 100
    protocol['TestDataset/Kvasir/images/cju9.png'] = png(brighter)
    text = convert(protocol, tmp_path, lists).text()
    assert 'nearly identical images: train/30, Kvasir/cju9 (' in text


@pytest.mark.parametrize('spoil', ['half', 'twice', 'none'])
def test_a_source_of_another_layout_is_refused(
    protocol, tmp_path, lists, spoil
):
    if spoil == 'half':
        files = {n: c for n, c in protocol.items() if 'CVC-300/m' not in n}
        expected = 'CVC-300: 0 folders of masks '
    elif spoil == 'twice':
        files = protocol | {f'copy/{n}': c for n, c in protocol.items()}
        expected = 'train: 2 folders of images: .*TrainDataset/image, .*copy'
    else:
        files = {'images/a.png': b'', 'masks/a.png': b''}
        expected = r'found none of them \(.*pranet.zip\)'
    with pytest.raises(ValueError, match=f'source: expected .*{expected}'):
        convert(files, tmp_path, lists)
    assert not (tmp_path / 'out').exists()


def test_the_tool_takes_several_archives(
    protocol, tmp_path, lists, capsys, monkeypatch
):
    monkeypatch.setattr(SplitLists, 'of_record', lambda name: lists)
    parts = [
        zipped(
            tmp_path / f'{top}.zip',
            {n: c for n, c in protocol.items() if n.startswith(top)},
        )
        for top in ('TrainDataset', 'TestDataset')
    ]
    tool, target = 'dataset_converters/pranet.py', tmp_path / 'out'
    error = error_of_tool(capsys, tool, *parts, target)
    assert 'add --partial' in error
    assert not target.exists()
    run_tool(tool, *parts, target, '--partial')
    out = capsys.readouterr().out
    assert 'Source: TrainDataset.zip, TestDataset.zip' in out
    assert f'Written to {target}' in out


# --- the lists of record --------------------------------------------------

# Last frame of each video, from the table that comes with the database.
LAST = (25, 50, 67, 78, 103, 126, 151, 177, 199, 205, 227, 252, 277, 297)
LAST += (317, 342, 363, 383, 408, 428, 447, 466, 478, 503, 528, 546, 571)
LAST += (591, 612)


def test_the_lists_divide_the_published_training_images():
    record = SplitLists.of_record('pranet')
    assert record.problems() == []
    assert {n: len(i) for n, i in record.ids.items()} == {
        'all': 1450,
        'train': 1312,
        'val': 138,
    }
    frames = [id_ for id_ in record.ids['all'] if id_.isdigit()]
    assert len(frames) == 550
    official = SplitLists.of_record().split_of()
    assert {*record.ids['all']} - {*frames} <= official.keys()
    assert record.groups.keys() >= {*map(str, range(1, 613))}
    for frame in range(1, 613):
        video = 1 + sum(frame > last for last in LAST)
        assert record.groups[str(frame)] == f'clinicdb-{video}'


def test_validation_follows_its_rule():
    """The first tenth of Kvasir-SEG and of the videos, by their hashes."""
    record = SplitLists.of_record('pranet')

    def first(names, number):
        salted = {
            hashlib.sha256(
                f'gps_seg pranet validation 1:{n}'.encode()
            ).digest(): n
            for n in names
        }
        return {salted[digest] for digest in sorted(salted)[:number]}

    videos = first(map(str, range(1, 30)), 3)
    images = first((i for i in record.ids['all'] if not i.isdigit()), 90)
    assert {*record.ids['val']} == {
        id_
        for id_ in record.ids['all']
        if id_ in images
        or record.groups[id_] in {f'clinicdb-{video}' for video in videos}
    }


def test_no_list_of_record_is_changed_by_hand():
    # Names that PraNet's own results on its test sets do not have, of the
    # 1000 of Kvasir-SEG and the 612 of CVC-ClinicDB.
    text = ''.join(f'{i}\n' for i in SplitLists.of_record('pranet').ids['all'])
    assert hashlib.sha256(text.encode()).hexdigest() == (
        '7d73c7d6e407fc3f9a5a54b28f4e130a36d15a34fc7f9698973ae7a3ad1608ec'
    )


def test_the_config_reads_what_the_converter_writes(
    protocol, tmp_path, lists, repo_dir, monkeypatch
):
    convert(protocol, tmp_path, lists)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'out').rename(tmp_path / 'data/pranet')
    monkeypatch.chdir(tmp_path)
    config = Config.fromfile(repo_dir / 'configs/pranet/gps.py')
    assert [*config.unseen] == [*TESTS]
    init_default_scope('mmseg')
    loaders = {
        'train': config.train_dataloader.dataset,
        'val': config.val_dataloader.dataset,
        **config.unseen,
    }
    found = {}
    for name, settings in loaders.items():
        assert settings.type == 'PolypDataset'
        dataset = DATASETS.build(settings)
        found[name] = len(dataset)
        sample = dataset[0]
        assert sample['inputs'].shape == (3, 252, 252)
    assert found == dict.fromkeys(loaders, 2) | {
        'train': 4,
        'val': 1,
        'Kvasir': 1,
        'CVC-ClinicDB': 3,
    }
    assert config.test_dataloader == config.val_dataloader
