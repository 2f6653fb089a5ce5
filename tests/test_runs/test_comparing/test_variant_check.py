# Copyright (c) gps_seg contributors. Apache-2.0.
"""A variant that cannot be trained or compared is refused beforehand."""

from pathlib import Path

import pytest
import small_segmentor
from mmengine.config import Config

from gps_seg.runs.comparing.equal_treatment import check_equal
from gps_seg.runs.comparing.variant_check import check_variant
from gps_seg.runs.comparing.variants import variants_of

CONFIGS = Path(__file__).resolve().parents[3] / 'configs'
TEXT = f"""
{small_segmentor.TEXT}
val_evaluator = dict(type='DiceIoUMetric')
val_cfg = dict()
custom_hooks = [dict(type='PeftHook', method=dict(type='gps', k=1))]
default_hooks = dict(checkpoint=dict(type='mmseg.DeltaHook', interval=1))
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(TEXT)
    return Config.fromfile(path)


IMPOSSIBLE = {
    # A neuron of the patch embedding has 3 * 8 * 8 inputs, the others 16.
    'k: expected 1 to 16 .*, got 99': {'custom_hooks.0.method.k': 99},
    "expected a type among .*'gsp'": {'custom_hooks.0.method.type': 'gsp'},
    r"expected keys among .*got \['batches'\]": {'custom_hooks.0.batches': 5},
    'expected one PeftHook, got 0': {'custom_hooks': []},
    'NoSuchHead': {'model.decode_head.type': 'NoSuchHead'},
    'got no val_evaluator, val_cfg': {'val_evaluator': None, 'val_cfg': None},
    r"got \[{'type': 'IoUMetric'}\]": {'val_evaluator.type': 'IoUMetric'},
    'a DeltaHook as checkpoint, .* got None': {'default_hooks': None},
    "got {'type': 'CheckpointHook', .*}": {
        'default_hooks.checkpoint.type': 'CheckpointHook'
    },
    "'prefix': 'a'": {'val_evaluator.prefix': 'a'},
}


@pytest.mark.parametrize('message', IMPOSSIBLE)
def test_an_impossible_variant_is_named_with_its_reason(config, message):
    config.merge_from_dict(IMPOSSIBLE[message])
    with pytest.raises(ValueError, match=f"variant 'last': .*{message}"):
        check_variant('last', config)


@pytest.mark.parametrize(
    'evaluator',
    [
        {'type': 'mmseg.DiceIoUMetric', 'foreground': ['polyp']},
        [{'type': 'IoUMetric'}, {'type': 'DiceIoUMetric'}],
        {'type': 'Evaluator', 'metrics': [{'type': 'DiceIoUMetric'}]},
    ],
)
def test_the_scores_may_come_with_others(config, evaluator):
    config.val_evaluator = evaluator
    check_variant('any', config)


def test_a_hook_with_a_priority_is_checked_as_mmengine_builds_it(config):
    config.custom_hooks[0].priority = 'LOW'
    check_variant('any', config)


@pytest.mark.parametrize(
    'name',
    ['ablation', 'selection_losses', 'search', 'methods_kvasir', 'flowers'],
)
def test_variants_of_the_studies_pass_the_checks(name):
    config = Config.fromfile(CONFIGS / 'studies' / f'{name}.py')
    configs = {v.name: v.of(config) for v in variants_of(config, None, {})}
    assert len(configs) == len(config.variants)
    check_equal(configs)
    for variant, own in configs.items():
        check_variant(variant, own)
