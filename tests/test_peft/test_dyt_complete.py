# Copyright (c) gps_seg contributors. Apache-2.0.
"""The second pass of DyT, in which no token skips."""

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from mmengine.structures import PixelData
from small_blocks import randomise
from small_encoders import PRETRAIN_VIT, small_model

from gps_seg.additions import Plan, attach, folded, merge, plan_of
from gps_seg.peft import DyT
from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmpretrain.structures import DataSample  # noqa: E402
from mmseg.structures import SegDataSample  # noqa: E402

IMAGES = torch.linspace(0, 200, 2 * 3 * 32**2).sin().view(2, 3, 32, 32)


def segmentor(classes=3):
    """A segmentor without dropout, to which the method has been added."""
    small_model('vit')  # registers the models
    config = dict(
        type='mmseg.EncoderDecoder',
        backbone=PRETRAIN_VIT,
        decode_head=dict(
            type='mmseg.FCNHead',
            in_channels=16,
            in_index=0,
            channels=8,
            num_convs=1,
            kernel_size=1,
            concat_input=False,
            dropout_ratio=0.0,
            num_classes=max(2, classes),
            out_channels=classes,
            threshold=0.5 if classes == 1 else None,
            norm_cfg=dict(type='BN'),
            align_corners=False,
            loss_decode=dict(
                type='mmseg.CrossEntropyLoss',
                use_sigmoid=classes == 1,
                avg_non_ignore=True,
            ),
        ),
        test_cfg=dict(mode='whole'),
    )
    return with_method(config)


def classifier():
    small_model('vit')
    config = dict(
        _scope_='mmpretrain',
        type='ImageClassifier',
        backbone=dict(PRETRAIN_VIT, out_type='cls_token'),
        head=dict(type='LinearClsHead', num_classes=3, in_channels=16),
    )
    return with_method(config)


def with_method(config):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS.build(ConfigDict(config))
    method = DyT(rank=4, dropout=0.0)
    attach(model, method.additions(model, None), seed=0)
    randomise(model)
    return model.train()


def samples(classes=3):
    labels = torch.arange(2 * 32**2).view(2, 1, 32, 32) % max(2, classes)
    return [
        SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels
    ]


def pass_of_all_tokens(model, run):
    with model.get_submodule('backbone.added.token_selection').paused():
        return run()


def logits(model):
    return model(IMAGES, mode='tensor')


@pytest.mark.parametrize('classes', [1, 3])
def test_the_losses_of_both_passes_and_the_divergence_are_added(classes):
    model = segmentor(classes)
    torch.manual_seed(3)
    losses = model(IMAGES, samples(classes), mode='loss')
    torch.manual_seed(3)
    first = model.loss(IMAGES, samples(classes))
    second = pass_of_all_tokens(
        model, lambda: model.loss(IMAGES, samples(classes))
    )
    expected = first | {f'complete.{n}': v for n, v in second.items()}
    assert losses.keys() == expected.keys() | {'complete.loss_kl'}
    assert first['decode.loss_ce'] != second['decode.loss_ce']
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)


@pytest.mark.parametrize('classes', [1, 3])
def test_the_divergence_teaches_the_first_pass_alone(classes):
    model = segmentor(classes)
    torch.manual_seed(3)
    losses = model(IMAGES, samples(classes), mode='loss')
    torch.manual_seed(3)
    dynamic = logits(model)
    complete = pass_of_all_tokens(model, lambda: logits(model)).detach()
    if classes == 1:
        p, q = (x.sigmoid().squeeze(1) for x in (dynamic, complete))
        terms = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    else:
        p, q = (x.exp() / x.exp().sum(1, True) for x in (dynamic, complete))
        terms = (p * (p / q).log()).sum(1)
    assert terms.mean() > 1e-4
    got = losses['complete.loss_kl']
    torch.testing.assert_close(got, terms.mean(), rtol=1e-3, atol=1e-6)
    weight = model.get_parameter('decode_head.conv_seg.weight')
    (gradient,) = torch.autograd.grad(got, weight)
    (right,) = torch.autograd.grad(terms.mean(), weight)
    torch.testing.assert_close(gradient, right, rtol=1e-3, atol=1e-6)


def test_a_classifier_has_a_second_pass_too():
    model = classifier()
    labels = [DataSample().set_gt_label(one) for one in (0, 2)]
    losses = model(IMAGES, labels, mode='loss')
    assert losses.keys() == {'loss', 'complete.loss', 'complete.loss_kl'}


def test_the_penalty_is_that_of_the_first_pass():
    model = segmentor()
    selection = model.get_submodule('backbone.added.token_selection')
    torch.manual_seed(3)
    model(IMAGES, samples(), mode='loss')
    got = selection.penalty()
    torch.manual_seed(3)
    logits(model)
    assert torch.equal(got, selection.penalty())


@pytest.mark.parametrize(
    ('training', 'mode', 'passes'),
    [
        (True, 'loss', 2),
        (False, 'loss', 1),
        (True, 'tensor', 1),
        (False, 'predict', 1),
    ],
)
def test_the_second_pass_runs_for_a_loss_in_training(training, mode, passes):
    model = segmentor().train(training)
    seen = []
    model.backbone.register_forward_hook(lambda *a: seen.append(a))
    metainfo = dict(ori_shape=(32, 32), img_shape=(32, 32))
    batch = samples()
    for sample in batch:
        sample.set_metainfo(metainfo)
    model(IMAGES, batch, mode=mode)
    assert len(seen) == passes


def test_the_selection_is_what_cannot_be_merged():
    model = segmentor()
    with pytest.raises(ValueError, match='stream_bottleneck cannot be merged'):
        merge(model)
    alone = Plan(one for one in plan_of(model) if one.kind == 'complete_pass')
    plain = {n: t for n, t in model.state_dict().items() if '.added.' not in n}
    assert folded(plain, alone).keys() == plain.keys()


def test_a_pass_that_failed_leaves_nothing_behind():
    model = segmentor()
    head = model.decode_head.loss_decode.register_forward_pre_hook(fail)
    with pytest.raises(KeyError):
        model(IMAGES, samples(), mode='loss')
    head.remove()
    twin = copy.deepcopy(model)
    assert 'complete.loss_kl' in twin(IMAGES, samples(), mode='loss')


def fail(*_):
    raise KeyError('no such image')


def test_a_head_that_calls_its_classifier_twice_is_refused():
    model = segmentor()
    conv = model.decode_head.conv_seg
    model.decode_head.cls_seg = lambda x: conv(x) + conv(x)
    with pytest.raises(RuntimeError, match=r'conv_seg\), got 4 in two passes'):
        model(IMAGES, samples(), mode='loss')
