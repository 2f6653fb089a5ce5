"""The model configs: what they build, and what their losses mean."""

from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import gps_seg.models  # noqa: F401  registers the loaders
from gps_seg.models.catalogue import DOWNLOADS

SIZE = 252


@pytest.fixture(autouse=True)
def _scope() -> None:
    init_default_scope('mmseg')


@pytest.fixture
def models_dir(repo_dir: Path) -> Path:
    return repo_dir / 'configs/_base_/models'


@pytest.fixture
def vit_s14(models_dir: Path) -> Config:
    return Config.fromfile(models_dir / 'vit-s14_dinov2_fcn.py').model


def batch() -> dict:
    """Two images with masks, a band of them to ignore, as a loader gives."""
    samples = []
    for _ in range(2):
        mask = (torch.rand(1, SIZE, SIZE) > 0.8).long()
        mask[:, :9] = 255
        sample = SegDataSample(gt_sem_seg=PixelData(data=mask))
        sample.set_metainfo(
            dict(
                img_shape=(SIZE, SIZE),
                pad_shape=(SIZE, SIZE),
                ori_shape=(40, 60),
            )
        )
        samples.append(sample)
    images = torch.randint(256, (2, 3, SIZE, SIZE), dtype=torch.uint8)
    return dict(inputs=list(images), data_samples=samples)


def vit_size(width: int) -> int:
    """Parameters of a 12-block ViT of 14-pixel patches at 252 pixels."""
    matrices = 3 + 1 + 4 + 4  # qkv, projection, two of the MLP; width ** 2
    vectors = 3 + 1 + 4 + 1 + 4 + 2  # their biases, two norms, two scales
    stem = 3 * 14**2 + 1 + 1 + (1 + 18**2)  # patches, class, positions
    return 12 * (matrices * width**2 + vectors * width) + (stem + 2) * width


@pytest.mark.parametrize(
    ('name', 'width'),
    [('vit-s14_dinov2_fcn', 384), ('vit-b14_dinov2_fcn', 768)],
)
def test_sizes(models_dir: Path, name: str, width: int) -> None:
    config = Config.fromfile(models_dir / f'{name}.py').model
    checkpoint = config.backbone.init_cfg.checkpoint
    assert checkpoint.removeprefix('weights://') in DOWNLOADS
    with torch.device('meta'):
        model = MODELS.build(config)
    assert isinstance(model, EncoderDecoder)
    sizes = {
        part: sum(p.numel() for p in module.parameters())
        for part, module in model.named_children()
    }
    assert sizes['backbone'] == vit_size(width)
    assert sizes['decode_head'] == 4 * width * 128 + 2 * 128 + 128 * 2 + 2


def test_loss_and_prediction(vit_s14: Config) -> None:
    model = MODELS.build(vit_s14)
    data = model.data_preprocessor(batch(), training=True)
    losses = model(**data, mode='loss')
    loss, log = model.parse_losses(losses)
    loss.backward()
    assert log.keys() >= {'decode.loss_ce', 'decode.loss_dice'}
    assert all(p.grad is not None for p in model.parameters())
    model.eval()
    with torch.no_grad():
        first, _ = model.test_step(batch())
    assert first.pred_sem_seg.data.shape == (1, 40, 60)
    assert first.seg_logits.data.shape == (2, 40, 60)


def test_images_reach_the_backbone_as_it_was_trained(vit_s14: Config) -> None:
    preprocess = MODELS.build(vit_s14.data_preprocessor)
    bgr = torch.tensor([0, 128, 255], dtype=torch.uint8).view(3, 1, 1)
    data = dict(inputs=[bgr.expand(3, SIZE, SIZE)])
    pixel = preprocess(data)['inputs'][0, :, 0, 0]
    rgb = torch.tensor([1.0, 128 / 255, 0.0])
    mean = torch.tensor([0.485, 0.456, 0.406])
    std = torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(pixel, (rgb - mean) / std)


def test_levels_are_the_outputs_of_the_named_blocks(vit_s14: Config) -> None:
    backbone = MODELS.build(vit_s14.backbone)
    backbone.eval()
    kept = {}
    for n in (2, 5, 8):
        backbone.layers[n].register_forward_hook(
            lambda _, __, out, n=n: kept.update({n: out})
        )
    backbone.ln1.register_forward_hook(
        lambda _, __, out: kept.update({11: out})
    )
    with torch.no_grad():
        levels = backbone(torch.randn(1, 3, SIZE, SIZE))
    assert [tuple(level.shape) for level in levels] == [(1, 384, 18, 18)] * 4
    for level, tokens in zip(levels, kept.values(), strict=True):
        assert torch.equal(level.flatten(2).mT, tokens[:, 1:])


@pytest.mark.parametrize('has_object', [True, False])
def test_dice_loss_is_the_soft_dice_of_the_object(
    vit_s14: Config, has_object: bool
) -> None:
    dice_loss = MODELS.build(vit_s14.decode_head.loss_decode[1])
    logits = torch.randn(2, 2, 6, 6)
    target = torch.zeros(2, 6, 6, dtype=torch.long)
    target[:, 1:4, 2:5] = has_object
    p = logits.softmax(1)[:, 1].flatten(1)
    t = target.float().flatten(1)
    overlap = (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)
    expected = (1 - overlap).mean()
    actual = dice_loss(logits, target, ignore_index=255)
    torch.testing.assert_close(actual, expected)


def test_ignored_pixels_do_not_weigh_on_cross_entropy(
    vit_s14: Config,
) -> None:
    cross_entropy = MODELS.build(vit_s14.decode_head.loss_decode[0])
    logits = torch.randn(1, 2, 4, 4)
    target = torch.randint(2, (1, 4, 4))
    target[:, :2] = 255
    expected = torch.nn.functional.cross_entropy(
        logits[:, :, 2:], target[:, 2:]
    )
    actual = cross_entropy(logits, target, ignore_index=255)
    torch.testing.assert_close(actual, expected)
