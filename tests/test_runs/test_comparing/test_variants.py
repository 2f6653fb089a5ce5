# Copyright (c) gps_seg contributors. Apache-2.0.
"""Variants of a config: its own, and methods of the package by name."""

import pytest
import small_segmentor
from mmengine.config import Config

from gps_seg.runs.comparing.variants import Variant, variants_of

TEXT = f"""
{small_segmentor.TEXT}
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=1)
custom_hooks = [dict(type='PeftHook', method=dict(type='gps', k=1))]
unseen = dict(other=dict(type='PolypDataset'))
variants = {{
    'k=2': {{'custom_hooks.0.method.k': 2}},
    'only biases': {{
        'custom_hooks.0.method': dict(_delete_=True, type='bias'),
    }},
}}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(TEXT)
    return Config.fromfile(path)


def methods(variants, config):
    return {
        variant.name: dict(variant.of(config).custom_hooks[0].method)
        for variant in variants
    }


def test_a_config_lists_its_own_variants(config):
    assert methods(variants_of(config, None, {}), config) == {
        'k=2': {'type': 'gps', 'k': 2},
        'only biases': {'type': 'bias'},
    }


def test_methods_of_the_package_are_variants_by_name(config):
    options = {'lora.rank': 2, 'gps.k': 3}
    variants = variants_of(config, ['lora', 'k=2', 'gps'], options)
    assert methods(variants, config) == {
        'lora': {'type': 'lora', 'rank': 2},
        'k=2': {'type': 'gps', 'k': 2},
        'gps': {'type': 'gps', 'k': 3},
    }


def test_a_config_without_a_hook_gets_one(config):
    config.pop('custom_hooks')
    (variant,) = variants_of(config, ['bias'], {})
    assert methods([variant], config) == {'bias': {'type': 'bias'}}


def test_a_variant_can_be_applied_again_and_leaves_the_config(config):
    before = config.to_dict()
    (variant,) = variants_of(config, ['only biases'], {})
    assert variant.of(config).to_dict() == variant.of(config).to_dict()
    assert config.to_dict() == before


def test_what_belongs_to_the_comparison_is_not_in_the_run(config):
    own = variants_of(config, ['k=2'], {})[0].of(config)
    assert not {'variants', 'unseen'} & set(own)


def test_a_folder_has_no_spaces_and_no_levels():
    assert Variant('k = 2 / warm').folder == 'k_=_2_warm'


@pytest.mark.parametrize('names', [('a b', 'a_b'), ('a/b', 'a b'), ('..',)])
def test_two_variants_do_not_share_a_folder(config, names):
    config.variants = {name: {} for name in names}
    with pytest.raises(ValueError, match='names that differ in more than'):
        variants_of(config, None, {})


WRONG = {
    r"expected variants of the config \(\['k=2', 'only biases'\]\).*'k=3'": (
        ['k=3'],
        {},
    ),
    "Did you mean 'lora'": (['lorra'], {}),
    'expected each once': (['lora', 'lora'], {}),
    r"expected METHOD.KEY=VALUE for one of \['lora'\], got gps.k=1": (
        ['lora', 'k=2'],
        {'gps.k': 1},
    ),
    'got rank=1': (['lora'], {'rank': 1}),
}


@pytest.mark.parametrize('message', WRONG)
def test_a_wrong_name_or_setting_is_refused(config, message):
    names, options = WRONG[message]
    with pytest.raises(ValueError, match=message):
        variants_of(config, names, options)


def test_a_config_without_variants_needs_methods(config):
    config.pop('variants')
    with pytest.raises(ValueError, match="'variants'.*or --methods"):
        variants_of(config, None, {})
