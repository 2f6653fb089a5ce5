"""What a backbone freezes in ``train()``, as Swin does, stays frozen."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmseg.models.backbones import SwinTransformer
from torch import nn
from toy_run import moved, run

from gps_seg.peft import GPS
from gps_seg.runs.counting.counts import count_config, count_model

SWIN = {
    'pretrain_img_size': 32,
    'embed_dims': 8,
    'depths': (1, 1, 1, 1),
    'num_heads': (1, 1, 1, 1),
    'window_size': 2,
    'patch_size': 2,
    'strides': (2, 2, 2, 2),
    'drop_path_rate': 0.0,
}
FROZEN = ('backbone.patch_embed', 'backbone.stages.0', 'backbone.stages.1')


class SwinModel(BaseModel):
    def __init__(self, frozen_stages):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.backbone = SwinTransformer(
                **SWIN, frozen_stages=frozen_stages
            )
            self.decode_head = nn.Linear(64, 2)

    def forward(self, x, y, mode='tensor'):
        x = nn.functional.interpolate(x, (32, 32))
        features = self.backbone(x)[-1].mean((2, 3))
        logits = self.decode_head(features)
        return {'loss': nn.functional.cross_entropy(logits, y)}


class Start(Hook):
    """The weights as they are when training begins."""

    priority = 'LOWEST'

    def before_train(self, runner):
        self.state = copy.deepcopy(runner.model.state_dict())


def test_nothing_in_a_frozen_stage_is_selected_or_moves(tmp_path):
    start = Start()
    runner, _ = run(
        tmp_path,
        model=SwinModel(frozen_stages=2),
        method={'type': 'gps', 'k': 1},
        optimizer={'type': 'AdamW', 'lr': 0.01, 'weight_decay': 0.1},
        iters=3,
        hooks=[start],
    )
    changed = moved(start.state, runner.model.state_dict())
    names = [n for n, _ in runner.model.named_parameters()]
    frozen = [name for name in names if name.startswith(FROZEN)]
    selection = runner.custom_hook.selection
    assert len(frozen) == 36
    assert not [name for name in frozen if name in selection]
    assert not [name for name in frozen if changed[name].any()]
    assert changed['backbone.stages.2.blocks.0.ffn.layers.1.weight'].any()


@pytest.mark.parametrize('training', [False, True])
def test_a_count_knows_of_them_and_leaves_the_model_alone(training):
    whole = count_model(SwinModel(-1), GPS(k=1)).total
    model = SwinModel(2).train(training)
    model.backbone.stages[0].eval()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    modes = {n: m.training for n, m in model.named_modules()}
    count = count_model(model, GPS(k=1)).total
    # 8 filters of the patches, then Linears of 8 and of 16 channels: query,
    # key and value, projection, two of the MLP, and the merging of patches.
    frozen = 8 + sum(c * (3 + 1 + 4 + 1) + 2 * c for c in (8, 16))
    assert whole.selected - count.selected == frozen
    assert whole.entries == count.entries
    assert {n: m.training for n, m in model.named_modules()} == modes
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(('stages', 'selected'), [(-1, 41184), (2, 35328)])
def test_swin_t_by_arithmetic(stages, selected):
    """The stages of ConvNeXt-T, but that the last merging is frozen too."""
    backbone = dict(type='mmseg.SwinTransformer', frozen_stages=stages)
    model = dict(
        type='mmseg.EncoderDecoder',
        backbone=backbone,
        decode_head=dict(
            type='FCNHead',
            in_channels=768,
            channels=8,
            num_classes=2,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
    )
    config = Config(dict(default_scope='mmseg', model=model))
    assert count_config(config).total.selected == selected


class Caching(nn.Linear):
    """Has in evaluation alone what it derives from its weight, as LeViT."""

    def train(self, mode=True):
        super().train(mode)
        self.cache = None if mode else self.weight.detach() * 2
        return self


def test_a_model_in_evaluation_can_be_evaluated_after_a_count():
    model = nn.ModuleDict({'backbone': Caching(3, 2)}).eval()
    count_model(model, GPS(k=1))
    assert torch.equal(model['backbone'].cache, model['backbone'].weight * 2)
