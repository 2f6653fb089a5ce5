"""Rates by layer: constructors of OpenMMLab and what of a weight trains."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from gps_seg.stack import require_openmmlab

require_openmmlab()

import mmpretrain.engine  # noqa: E402, F401
import mmseg.engine  # noqa: E402, F401
from mmpretrain.registry import MODELS as CLASSIFIERS  # noqa: E402
from mmseg.registry import MODELS as SEGMENTORS  # noqa: E402

from gps_seg.engine import PeftOptimWrapper  # noqa: E402
from gps_seg.peft import GPS, tune  # noqa: E402

# Of MMSegmentation's BEiT.
pytestmark = pytest.mark.filterwarnings('ignore:torch.meshgrid:UserWarning')

RATE, DECAY_RATE, WEIGHT_DECAY = 0.1, 0.5, 0.25
DECODE_HEAD = {
    'type': 'FCNHead',
    'in_index': -1,
    'channels': 4,
    'num_convs': 1,
    'num_classes': 2,
    'norm_cfg': {'type': 'BN'},
    'loss_decode': {'type': 'CrossEntropyLoss', 'avg_non_ignore': True},
}


def vit(kind):
    settings = {
        'type': kind,
        'img_size': 16,
        'patch_size': 8,
        'embed_dims': 8,
        'num_layers': 2,
        'num_heads': 2,
        'out_indices': [0, 1],
        'init_values': 0.1,
    }
    head = {**DECODE_HEAD, 'in_channels': 8}
    return SEGMENTORS.build(
        {'type': 'EncoderDecoder', 'backbone': settings, 'decode_head': head}
    )


def convnext():
    backbone = {
        'type': 'mmpretrain.ConvNeXt',
        'arch': {'depths': [1, 1, 2, 1], 'channels': [4, 4, 8, 8]},
        'out_indices': [0, 1, 2, 3],
        'gap_before_final_norm': False,
    }
    head = {**DECODE_HEAD, 'in_channels': 8}
    return SEGMENTORS.build(
        {'type': 'EncoderDecoder', 'backbone': backbone, 'decode_head': head}
    )


def classifier():
    return CLASSIFIERS.build(
        {
            'type': 'ImageClassifier',
            'backbone': {
                'type': 'VisionTransformer',
                'arch': {
                    'embed_dims': 8,
                    'num_layers': 2,
                    'num_heads': 2,
                    'feedforward_channels': 8,
                },
                'img_size': 16,
                'patch_size': 8,
            },
            'head': {
                'type': 'VisionTransformerClsHead',
                'num_classes': 2,
                'in_channels': 8,
            },
        }
    )


# Depth of each layer, counted by hand from the end: the head is 0.
VIT_DEPTHS = {
    'backbone.patch_embed.': 3,
    'backbone.layers.0.': 2,
    'backbone.layers.1.': 1,
    'decode_head.': 0,
}
CASES = {
    'MAE': (
        'mmseg',
        lambda: vit('MAE'),
        'LearningRateDecayOptimizerConstructor',
        {'num_layers': 2, 'decay_rate': DECAY_RATE},
        VIT_DEPTHS,
    ),
    'BEiT': (
        'mmseg',
        lambda: vit('BEiT'),
        'LearningRateDecayOptimizerConstructor',
        {'num_layers': 2, 'decay_rate': DECAY_RATE},
        VIT_DEPTHS,
    ),
    'ConvNeXt': (
        'mmseg',
        convnext,
        'LearningRateDecayOptimizerConstructor',
        {
            'num_layers': 4,
            'decay_rate': DECAY_RATE,
            'decay_type': 'stage_wise',
        },
        {
            'backbone.downsample_layers.': 5,
            'backbone.stages.0.': 4,
            'backbone.stages.1.': 3,
            'backbone.stages.2.': 2,
            'backbone.stages.3.': 1,
            'decode_head.': 0,
        },
    ),
    'classifier': (
        'mmpretrain',
        classifier,
        'LearningRateDecayOptimWrapperConstructor',
        {'layer_decay_rate': DECAY_RATE, 'bias_decay_mult': 0.0},
        {
            'backbone.patch_embed.': 3,
            'backbone.layers.0.': 2,
            'backbone.layers.1.': 1,
            'head.': 0,
        },
    ),
}


@pytest.fixture(params=CASES, name='case')
def _case(request):
    """The model, its wrapper as the constructor built it, and the depths."""
    scope, build, constructor, paramwise, depths = CASES[request.param]
    init_default_scope(scope)
    model = build()
    wrapper = build_optim_wrapper(
        model,
        {
            'type': 'PeftOptimWrapper',
            'constructor': constructor,
            'paramwise_cfg': paramwise,
            'optimizer': {
                'type': 'AdamW',
                'lr': RATE,
                'weight_decay': WEIGHT_DECAY,
            },
            'clip_grad': {'max_norm': 1.0},
            'accumulative_counts': 2,
        },
    )
    return model, wrapper, depths


def test_every_entry_that_trains_has_the_rate_of_its_layer(case):
    model, wrapper, depths = case
    assert type(wrapper) is PeftOptimWrapper
    assert wrapper._accumulative_counts == 2
    assert wrapper.clip_grad_kwargs == {'max_norm': 1.0}
    tuned = tune(model, GPS(k=1, score='random'), losses=[], seed=0)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    wrapper.train_only(tuned)
    groups = {
        parameter: group
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
    assert groups.keys() == set(tuned.parameters())
    for parameter, name in tuned.names.items():
        (depth,) = (d for start, d in depths.items() if name.startswith(start))
        group = groups[tuned.form[parameter]]
        assert group['lr'] == pytest.approx(RATE * DECAY_RATE**depth), name
        decays = before[name].ndim > 1
        assert group['weight_decay'] == (WEIGHT_DECAY if decays else 0), name


def test_a_step_moves_each_layer_by_its_rate_and_nothing_else(case):
    """A first step of AdamW without gradient differences moves by the rate."""
    model, wrapper, depths = case
    tuned = tune(model, GPS(k=1, score='random'), losses=[], seed=0)
    wrapper.train_only(tuned)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in tuned.parameters():
        parameter.grad = torch.full_like(parameter, 1e-3)
    wrapper.step()
    for name, parameter in model.named_parameters():
        old, new = before[name], parameter.detach()
        allowed = torch.zeros(old.numel(), dtype=torch.bool)
        if name in tuned.selected:
            allowed[tuned.selected[name].indices] = True
        elif parameter in tuned.form:
            allowed[:] = True
        if not allowed.any():
            assert torch.equal(old, new), name
            continue
        (depth,) = (d for start, d in depths.items() if name.startswith(start))
        rate = RATE * DECAY_RATE**depth
        decay = WEIGHT_DECAY if old.ndim > 1 else 0
        old, new = old.flatten(), new.flatten()
        assert torch.equal(new[~allowed], old[~allowed]), name
        expected = old[allowed] * (1 - rate * decay) - rate
        torch.testing.assert_close(
            new[allowed], expected, rtol=1e-4, atol=1e-5, msg=name
        )
