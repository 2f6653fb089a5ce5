"""docs/methods.md has every method, and its table says what the code does."""

import ast
import functools
import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import contract_models
import pytest
from cases import CASES
from meta_models import without_storage
from small_encoders import small_model
from torch import nn

from gps_seg.peft import METHODS, build_method
from gps_seg.runs.counting.counts import count_model
from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.models.backbones import VisionTransformer  # noqa: E402

PAGE = Path(__file__).resolve().parents[1] / 'docs/methods.md'
TEXT = PAGE.read_text(encoding='utf-8')
ROWS = {
    name: cells.split(' | ')
    for name, cells in re.findall(
        r'^\| \[`(\w+)`\]\(#\1\) \| (.*) \|$', TEXT, re.MULTILINE
    )
}
SECTIONS = dict(
    re.findall(r'^### (\w+)\n(.*?)(?=^##)', TEXT, re.MULTILINE | re.DOTALL)
)
SPANS = re.findall(r'`(dict\(type=\'[^`]*\))`', TEXT)
TUNERS = re.findall(
    r'^\| `(\w+)` \| `(dict\(.*?\))` \| ([\d,]+) \|', TEXT, re.MULTILINE
)


def read(span):
    """The dictionary that a call of ``dict`` makes, without running it."""
    call = ast.parse(span, mode='eval').body
    return {
        keyword.arg: read(ast.unparse(keyword.value))
        if isinstance(keyword.value, ast.Call)
        else ast.literal_eval(keyword.value)
        for keyword in call.keywords
    }


def first_config(name):
    """The settings that the section of a method shows first."""
    return read(re.search(r'`(dict\([^`]*\))`', SECTIONS[name])[1])


def built(config):
    """The method of a config; without a second pass, which needs a head."""
    package = METHODS[config['type']].package
    if package is not None and find_spec(package) is None:
        pytest.skip(f'{package} is not installed')
    if config['type'] == 'dyt':
        config = {**config, 'complete': False}
    return build_method(config, METHODS)


@functools.cache
def vit_b16():
    """The ViT-B/16 of the table; nothing is in memory."""
    with without_storage():
        encoder = VisionTransformer(
            img_size=224, patch_size=16, patch_bias=True, final_norm=True
        )
    return nn.ModuleDict({'backbone': encoder})


def trained(config):
    """Number of values that train inside the ViT-B/16, as in the table."""
    if 'budget' in config:
        return f'at most {config["budget"]:,}'
    count = count_model(vit_b16(), built(config))
    assert not count.open
    return f'{count.total.trained + count.trained.added:,}'


def test_every_method_has_a_row_and_a_section():
    assert ROWS.keys() == METHODS.keys()
    assert METHODS.keys() <= SECTIONS.keys()
    assert {len(cells) for cells in ROWS.values()} == {7}


@pytest.mark.parametrize('name', METHODS)
def test_the_parameters_are_those_of_a_vit_b16(name):
    config = first_config(name)
    assert config['type'] == name
    assert ROWS[name][1] == trained(config)


def test_the_vit_b16_has_the_size_that_the_page_says():
    size = sum(p.numel() for p in vit_b16().parameters())
    assert f'{size:,} values' in TEXT.replace('\n', ' ')


@pytest.mark.parametrize('name', METHODS)
def test_what_merges_is_what_the_contract_says(name):
    says = ROWS[name][3]
    adds = bool(built(first_config(name)).additions(vit_b16(), None))
    if CASES[name].merges is True:
        assert says == ('yes' if adds else 'in place')
    else:
        assert says == 'no'


@pytest.mark.parametrize('name', METHODS)
def test_the_encoders_are_those_that_the_contract_takes(name):
    cells = ROWS[name][4].split(' / ')
    refused = CASES[name].refuses.keys()
    assert len(cells) == 3
    for cell, encoders in zip(
        cells,
        [('seg_vit', 'pretrain_vit'), ('swin',), ('convnext',)],
        strict=True,
    ):
        # Other cells say which setting makes a method take the encoder.
        is_taken = not refused & set(encoders)
        assert (cell == 'yes') is is_taken, cell


ASK = {name: row[4] for name, row in ROWS.items() if 'on=' in row[4]}


@pytest.mark.filterwarnings('ignore')  # those of the PEFT library
@pytest.mark.parametrize('name', ASK)
def test_an_encoder_that_asks_for_places_takes_these(name):
    on = ast.literal_eval(re.search(r'on=(\(.*?\))`$', ASK[name])[1])
    method = built({**first_config(name), 'on': on})
    assert method.additions(contract_models.small_model('convnext'), None)


@pytest.mark.optional
@pytest.mark.parametrize('span', SPANS)
def test_every_config_builds(span):
    built(read(span))


@pytest.mark.optional
@pytest.mark.filterwarnings('ignore')  # those of the library
@pytest.mark.parametrize(('tuner', 'settings', 'parameters'), TUNERS)
def test_the_tuners_of_the_library_have_these_parameters(
    tuner, settings, parameters
):
    config = {'type': 'peft', 'peft_type': tuner, 'settings': read(settings)}
    assert parameters == trained(config)


def test_the_table_of_tuners_was_found():
    assert len(TUNERS) > 20


LORA = {'type': 'lora', 'rank': 8, 'on': ('all',)}
TUCKER = {'type': 'fact', 'form': 'tk', 'rank': 32}
UNSHARED = {'type': 'e2vpt', 'prompts': 50, 'shared': False}


@pytest.mark.parametrize(
    ('words', 'config'),
    [
        ('these are {} values', {'type': 'partial', 'last_blocks': 4}),
        ('at all maps rank 8 has {} values', LORA),
        ('Tucker form ({} values at rank 32)', TUCKER),
        ('Shallow ({} values)', {'type': 'vpt', 'deep': False}),
        ('trains both ({} values)', UNSHARED),
    ],
)
def test_the_other_numbers_of_the_text_are_right(words, config):
    sentence = words.format(trained(config)).lower()
    assert sentence in ' '.join(TEXT.split()).lower()


def test_encoders_of_convolutions_take_what_the_page_says():
    sentence = re.search(r'such as a ResNet, takes (.*?)\.', TEXT, re.DOTALL)[
        1
    ]
    named = re.findall(r'`(\w+)`', sentence)
    model = small_model('resnet')
    takes = set()
    for name in METHODS.keys() - {'peft'}:  # a library that may be absent
        with suppress(ValueError):
            count_model(model, built(first_config(name)))
            takes.add(name)
    assert set(named) == takes


def test_the_readme_names_every_method():
    readme = (PAGE.parents[1] / 'README.md').read_text(encoding='utf-8')
    section = readme.split('\n## Methods\n')[1].split('\n## ')[0]
    assert METHODS.keys() <= set(re.findall(r'`(\w+)`', section))
