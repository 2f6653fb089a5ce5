"""The mask decoder as a decode head computes what SAM computes."""

import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from rounding import assert_equal_to_rounding
from small_sam import (
    BACKBONE,
    DECODER,
    HEAD,
    SEGMENTOR,
    SIDE,
    WIDTH,
    needs_transformers,
    official_masks,
    official_sam,
    official_vit_b,
)
from torch.nn import functional as F

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.registry import MODELS  # noqa: E402
from mmseg.structures import SegDataSample  # noqa: E402

from gps_seg.models import load_strictly  # noqa: E402
from gps_seg.models.sam.names import sam_to_mmseg  # noqa: E402

pytestmark = pytest.mark.optional

# Layers of the decoder and of the encoder, some sums in each.
DEPTH = 30


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


@pytest.fixture
def head():
    needs_transformers()
    torch.manual_seed(1)
    return MODELS.build(HEAD)


@pytest.fixture
def embedding():
    generator = torch.Generator().manual_seed(2)
    return torch.randn(2, DECODER, 3, 5, generator=generator)


def segmentor(official, side=SIDE):
    model = MODELS.build(
        {**SEGMENTOR, 'backbone': {**BACKBONE, 'img_size': side}}
    )
    load_strictly(model, sam_to_mmseg(official.state_dict())[0], 'official')
    return model.eval()


def test_embedding_and_masks_are_those_of_the_official_package():
    needs_transformers()
    official = official_sam()
    images = torch.randn(3, 3, SIDE, SIDE)
    model = segmentor(official)
    with torch.no_grad():
        expected, masks = official_masks(official, images)
        features = model.extract_feat(images)
        logits = model.decode_head(features)
    assert_equal_to_rounding(
        features[0], expected, terms=4 * WIDTH, depth=DEPTH
    )
    assert_equal_to_rounding(logits, masks, terms=4 * WIDTH, depth=2 * DEPTH)


@pytest.mark.slow
def test_so_they_are_for_vit_b_at_its_full_size(repo_dir):
    needs_transformers()
    official = official_vit_b()
    config = Config.fromfile(repo_dir / 'configs/gps_sam_kvasir.py').model
    config.data_preprocessor = None
    config.backbone.pop('init_cfg')
    config.decode_head.pop('init_cfg')
    model = MODELS.build(config).eval()
    load_strictly(model, sam_to_mmseg(official.state_dict())[0], 'official')
    images = torch.randn(1, 3, 1024, 1024)
    with torch.no_grad():
        expected, masks = official_masks(official, images)
        features = model.extract_feat(images)
        logits = model.decode_head(features)
    assert_equal_to_rounding(features[0], expected, terms=4096, depth=100)
    assert_equal_to_rounding(logits, masks, terms=4096, depth=150)


def test_another_size_of_the_image_interpolates_the_positions():
    needs_transformers()
    official = official_sam()
    state = official.image_encoder.state_dict()
    model = segmentor(official, side=SIDE // 2)
    own = model.backbone.state_dict()
    resized = F.interpolate(
        state['pos_embed'].permute(0, 3, 1, 2),
        size=(2, 2),
        mode='bicubic',
        align_corners=False,
    )
    assert torch.equal(own['pos_embed'], resized.permute(0, 2, 3, 1))
    # Of the global block; 2 x 2 patches are 3 apart at most.
    relative = F.interpolate(
        state['blocks.1.attn.rel_pos_h'].T[None], size=3, mode='linear'
    )
    assert torch.equal(own['layers.1.attn.rel_pos_h'], relative[0].T)
    window = 'attn.rel_pos_w'
    assert torch.equal(own[f'layers.0.{window}'], state[f'blocks.0.{window}'])


def test_an_image_has_the_same_mask_alone_and_in_a_batch(head, embedding):
    together = head.eval()((embedding,))
    alone = torch.cat([head((one[None],)) for one in embedding])
    assert together.shape == (2, 1, 12, 20)
    assert_equal_to_rounding(together, alone, terms=64, depth=DEPTH)


def test_what_is_unused_is_frozen_and_all_else_has_a_gradient(head, embedding):
    head((embedding,)).square().sum().backward()
    frozen = {
        name
        for name, parameter in head.named_parameters()
        if not parameter.requires_grad
    }
    without = {
        name
        for name, parameter in head.named_parameters()
        if parameter.grad is None
    }
    assert frozen == without
    assert {name.split('.')[1] for name in frozen} == {
        'iou_prediction_head',
        'output_hypernetworks_mlps',
    }


def test_each_class_has_a_mask_of_its_own(embedding):
    needs_transformers()
    head = MODELS.build(
        {
            **HEAD,
            'num_classes': 4,
            'out_channels': 4,
            'loss_decode': dict(type='CrossEntropyLoss', avg_non_ignore=True),
        }
    )
    logits = head((embedding,))
    assert logits.shape == (2, 4, 12, 20)
    logits[:, 2].sum().backward()
    with_gradient = {
        name
        for name, parameter in head.named_parameters()
        if parameter.grad is not None and parameter.grad.any()
    }
    mlps = 'mask_decoder.output_hypernetworks_mlps'
    assert {n for n in with_gradient if n.startswith(mlps)} == {
        f'{mlps}.3.{layer}.{kind}'
        for layer in ('proj_in', 'layers.0', 'proj_out')
        for kind in ('weight', 'bias')
    }


def test_the_code_of_the_places_is_the_same_for_every_seed(head):
    torch.manual_seed(7)
    other = MODELS.build(HEAD)
    assert torch.equal(head.frequencies, other.frequencies)
    assert not torch.equal(
        head.no_mask_embed.weight, other.no_mask_embed.weight
    )


def test_a_training_step_and_a_prediction(head):
    torch.manual_seed(0)
    model = MODELS.build(SEGMENTOR)
    sample = SegDataSample()
    truth = torch.zeros(1, SIDE, SIDE, dtype=torch.long)
    truth[..., 10:30] = 1
    sample.set_data({'gt_sem_seg': PixelData(data=truth)})
    sample.set_metainfo(
        dict(img_shape=(SIDE, SIDE), ori_shape=(48, 80), pad_shape=(64, 64))
    )
    images = torch.randn(1, 3, SIDE, SIDE)
    losses = model.loss(images, [sample])
    assert {'decode.loss_ce', 'decode.loss_iou'} <= losses.keys()
    model.eval()
    (result,) = model.predict(images, [sample])
    assert result.pred_sem_seg.data.shape == (1, 48, 80)


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'transformers', None)
    monkeypatch.setitem(sys.modules, 'transformers.models.sam', None)
    with pytest.raises(ImportError, match=r"pip install '\.\[sam\]'"):
        MODELS.build(HEAD)
