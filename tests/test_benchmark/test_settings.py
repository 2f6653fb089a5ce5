"""Settings that cannot be measured are refused before anything runs."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from gps_seg.benchmark import ARCHITECTURES, Settings, check_architecture
from gps_seg.benchmark.architectures import (
    build_segmentor,
    synthetic_batch,
    synthetic_loss,
)


@pytest.mark.parametrize('name', ARCHITECTURES)
def test_the_usual_size_fits(name):
    assert check_architecture(name, None) == ARCHITECTURES[name].size


def test_unknown_architecture():
    with pytest.raises(ValueError, match=r'expected one of vit-s14, .*got'):
        check_architecture('vit-s16', None)


@pytest.mark.parametrize('size', [0, -14, 256])
def test_size_that_is_no_multiple_of_the_patch(size):
    with pytest.raises(ValueError, match='positive multiple of 14 pixels'):
        Settings(arch='vit-s14', size=size)


@pytest.mark.parametrize('name', ['batch', 'steps', 'rounds'])
def test_counts_below_one(name):
    with pytest.raises(ValueError, match=f'{name}: expected 1 or more, got 0'):
        Settings(arch='tiny', size=32, **{name: 0})


def test_cuda_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match='torch finds no GPU'):
        Settings(arch='tiny', size=32, device='cuda')


def test_tf32_without_a_gpu():
    with pytest.raises(ValueError, match='tf32: expected device cuda'):
        Settings(arch='tiny', size=32, tf32=True)


def test_unknown_dtype():
    with pytest.raises(ValueError, match="float32 or bfloat16, got 'half'"):
        Settings(arch='tiny', size=32, dtype='half')


def test_unknown_device():
    with pytest.raises(ValueError, match="expected cpu or cuda, got 'tpu'"):
        Settings(arch='tiny', size=32, device='tpu')


def test_model_and_loss_are_the_same_every_time():
    losses = []
    for _ in range(2):
        model = build_segmentor('tiny', 32, seed=3)
        loss = synthetic_loss(model, 32, batch=1, seed=4)
        losses += [loss().item(), loss().item()]
    assert len(set(losses)) == 1


def small_model(name):
    size = ARCHITECTURES[name].stride * 2
    return build_segmentor(name, size, seed=0), size


NEEDS_TRANSFORMERS = 'sam-vit-b-decoder'


@pytest.mark.parametrize(
    'name', sorted({*ARCHITECTURES} - {'vit-l16', NEEDS_TRANSFORMERS})
)
def test_every_encoder_gives_a_loss_at_the_smallest_size(name):
    model, size = small_model(name)
    loss = synthetic_loss(model, size, 1, 0)()
    assert loss.isfinite() and loss.requires_grad
    model.backbone.requires_grad_(False)
    levels = model.backbone(torch.zeros(1, 3, size, size))
    channels = tuple(level.shape[1] for level in levels)
    assert channels == ARCHITECTURES[name].channels


@pytest.mark.optional
def test_sam_has_the_decoder_of_its_config():
    pytest.importorskip('transformers', reason='needs the extra sam')
    model, size = small_model(NEEDS_TRANSFORMERS)
    loss = synthetic_loss(model, size, 1, 0)()
    assert loss.isfinite() and loss.requires_grad
    head = model.decode_head
    assert sum(p.numel() for p in head.mask_decoder.parameters()) > 3_500_000
    assert head.num_classes == 2


#: Millions of parameters of the published encoders.
PUBLISHED = {
    'vit-t16': 5.7,
    'vit-b16': 86,
    'mmseg-vit-b16': 86,
    'sam-vit-b': 89.7,  # with its neck and positions for 1024 x 1024
    'mit-b0': 3.3,
    'swin-t': 28,
    'convnext-t': 28,
}


@pytest.mark.parametrize('name', PUBLISHED)
def test_encoders_have_their_published_size(name):
    encoder = small_model(name)[0].backbone
    millions = sum(p.numel() for p in encoder.parameters()) / 1e6
    assert millions == pytest.approx(PUBLISHED[name], rel=0.05)


@pytest.mark.parametrize('name', ['mmseg-tiny', 'mit-b0', 'convnext-t'])
def test_an_encoder_has_no_randomness(name):
    model, size = small_model(name)
    loss = synthetic_loss(model, size, 1, 0)
    assert loss().item() == loss().item()


def test_the_loss_is_that_of_the_segmentor():
    model = build_segmentor('tiny', 32, seed=0)
    images, labels = synthetic_batch(32, batch=2, seed=4)
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels
    ]
    expected = model.parse_losses(model.loss(images, samples))[0]
    assert synthetic_loss(model, 32, 2, seed=4)().item() == expected.item()


def test_under_bfloat16_the_loss_is_close_and_the_gradient_float32():
    model = build_segmentor('tiny', 32, seed=0)
    full, half = (
        synthetic_loss(model, 32, 1, 0, half=half)() for half in (False, True)
    )
    assert half.item() != full.item()
    assert half.item() == pytest.approx(full.item(), rel=2**-6)
    half.backward()
    assert model.backbone.pos_embed.grad.dtype == torch.float32
