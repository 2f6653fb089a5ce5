# Copyright (c) gps_seg contributors. Apache-2.0.
"""Images that several data sets of a config share, or nearly share."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from run_tool import error_of_tool, run_tool

from gps_seg.runs.duplicates import describe, draw, find_duplicates

SETS = {'train': ['a', 'b', 'c'], 'val': ['d', 'e'], 'new': ['f', 'g']}


def picture(seed):
    """A picture of its own, BGR."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (24, 32, 3)).astype(np.float32)
    image = cv2.resize(coarse, (128, 96), interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture
def root(tmp_path):
    """Polyps in two folders, with the name of a list for each set."""
    for name, ids in SETS.items():
        folder = tmp_path / ('new' if name == 'new' else 'data')
        for kind in ('images', 'masks', 'splits'):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        for id_ in ids:
            write(folder, id_, picture(ord(id_)))
        lines = '\n'.join(ids)
        (folder / f'splits/{name}.txt').write_text(lines)
    return tmp_path


def write(folder, id_, image):
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[4:9, 4:9] = 1
    assert cv2.imwrite(str(folder / f'images/{id_}.png'), image)
    assert cv2.imwrite(str(folder / f'masks/{id_}.png'), mask)


@pytest.fixture
def config(root):
    """Two loaders, the second also for testing, and an unseen set."""

    def dataset(folder, name):
        return {
            'type': 'PolypDataset',
            'data_root': str(root / folder),
            'ann_file': f'splits/{name}.txt',
            'img_suffix': '.png',
        }

    val = {'dataset': dataset('data', 'val')}
    return Config(
        {
            'train_dataloader': {'dataset': dataset('data', 'train')},
            'val_dataloader': val,
            'test_dataloader': val,
            'unseen': {
                'new': dataset('new', 'new'),
                # The same files, as a damaged copy has them.
                'noisy': dataset('data', 'val'),
            },
        }
    )


def places(found):
    return [
        (
            [f'{image.part} {image.name[-5:-4]}' for image in pair[1:]],
            pair.bits <= 18,
            pair.is_copy,
        )
        for pair in found
    ]


def test_images_of_their_own_make_no_pair(config, tmp_path):
    found = find_duplicates(config)
    assert found == []
    text = describe(found)
    assert '(at most 24 of 256 bits of' in text
    assert text.endswith('0 in different data sets, 0 within one.')
    assert draw(found, tmp_path / 'pairs.png') is None


def test_copies_are_found_in_every_set(config, root):
    half = cv2.resize(
        picture(ord('a')), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
    )
    write(root / 'data', 'e', half)
    write(root / 'new', 'g', picture(ord('b')))
    write(root / 'data', 'c', picture(ord('b')))
    found = find_duplicates(config)
    assert sorted(places(found)) == [
        (['train a', 'val e'], True, False),
        (['train b', 'train c'], True, True),
        (['train b', 'unseen.new g'], True, True),
        (['train c', 'unseen.new g'], True, True),
    ]
    assert [pair.is_leak for pair in found].count(True) == 2
    lines = describe(found).splitlines()
    assert '3 in different data sets, 1 within one.' in lines[0]
    assert len(lines) == 4
    name = root / 'data/images/b.png'
    other = root / 'new/images/g.png'
    assert (
        f'  - 0 bits (the same pixels): train {name}, unseen.new {other}'
    ) in lines
    assert sum('the same pixels' in line for line in lines) == 2


def test_an_image_of_several_lists_counts_once(config, root):
    lists = root / 'data/splits'
    (lists / 'train.txt').write_text('a\nb\nc\nd\ne')
    (lists / 'val.txt').write_text('a\nb\nc\nd\ne')
    assert find_duplicates(config) == []


def test_the_tool_lists_and_draws_pairs(config, root, tmp_path, capsys):
    darker = (picture(ord('a')) * 0.9).astype(np.uint8)
    write(root / 'new', 'f', darker)
    path, out = tmp_path / 'config.py', tmp_path / 'pairs.png'
    config.dump(path)
    run_tool('check_dataset.py', path, '--duplicates', out)
    printed = capsys.readouterr().out
    assert '1 in different data sets, 0 within one' in printed
    assert f'Written to {out}' in printed
    assert cv2.imread(str(out)).size
    write(root / 'new', 'f', picture(ord('a')))
    error = error_of_tool(
        capsys, 'check_dataset.py', path, '--duplicates', out
    )
    assert 'training images that no other set has, got 1 pair(s)' in error
    assert f'{root}/data/images/a.png (train)' in error


def test_an_unseen_image_that_cannot_be_opened_is_named(config, root):
    (root / 'new/images/f.png').write_bytes(b'no picture')
    with pytest.raises(ValueError, match=r'new/images/f\.png: expected an'):
        find_duplicates(config)
