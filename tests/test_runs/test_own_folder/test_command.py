# Copyright (c) gps_seg contributors. Apache-2.0.
"""``tools/new.py``: from the words of a command line to a folder."""

import json
import shutil
from argparse import Namespace

import pytest

from gps_seg.engine.config.source import read_config
from gps_seg.runs.own_folder.command import make_task, parse_classes


@pytest.fixture
def arguments(tmp_path, photos):
    return Namespace(
        name=tmp_path / 'polyps',
        images=photos.images,
        masks=photos.masks,
        classes=['polyp'],
        groups=None,
        encoder=None,
        method=None,
        size=[32, 48],
        steps=7,
        val_share=0.25,
        seed=3,
        skip_unlabelled=False,
    )


@pytest.mark.usefixtures('small_encoder', 'no_measurement')
def test_the_options_are_those_of_the_config(arguments):
    text = make_task(arguments)
    config = read_config(str(arguments.name))
    meta = config.train_dataloader.dataset.metainfo
    assert meta.classes == ['background', 'polyp']
    assert config.model.backbone.img_size == (32, 48)
    assert config.train_cfg.max_iters == 7
    assert config.randomness.seed == 3
    validated = (arguments.name / 'splits/val.txt').read_text()
    assert len(validated.splitlines()) == 3  # a quarter of twelve
    assert f'train {arguments.name}' in text or 'train.py' in text


@pytest.mark.usefixtures('small_encoder', 'no_measurement')
def test_images_without_a_mask_are_left_out_on_demand(arguments, tmp_path):
    some = shutil.copytree(arguments.masks, tmp_path / 'some')
    *others, third, fourth = sorted(some.iterdir())
    third.unlink()
    fourth.unlink()
    arguments.masks = some
    with pytest.raises(ValueError, match='2 images .* --skip-unlabelled'):
        make_task(arguments)
    assert not arguments.name.exists()
    arguments.skip_unlabelled = True
    make_task(arguments)
    found = json.loads((arguments.name / 'found.json').read_text())
    assert [name.split('.')[0] for name in found['unlabelled']] == [
        third.stem, fourth.stem,
    ]  # fmt: skip
    lists = [
        line.split('\t')[1]
        for path in (arguments.name / 'splits').glob('*.txt')
        for line in path.read_text().splitlines()
    ]
    assert sorted(lists) == [path.name for path in others]


@pytest.mark.parametrize(
    ('words', 'classes'),
    [
        (None, None),
        (['sky', 'road'], ['sky', 'road']),
        (['0=sky', '7=road'], {0: 'sky', 7: 'road'}),
        (['1,2,3=sky'], {(1, 2, 3): 'sky'}),
    ],
)
def test_classes_are_names_values_or_colours(words, classes):
    assert parse_classes(words) == classes


@pytest.mark.parametrize('word', ['sky', 'x=sky', '1=', '1,=sky'])
def test_a_word_that_is_no_class_is_named(word):
    with pytest.raises(ValueError, match=f'--classes: .*{word}'):
        parse_classes(['0=road', word])
