# Copyright (c) gps_seg contributors. Apache-2.0.
"""``tools/new.py``: from the words of a command line to a folder."""

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
