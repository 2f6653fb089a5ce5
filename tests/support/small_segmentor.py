"""A small ViT segmentor with pretrained weights, and a task tuned on it."""

import copy
from pathlib import Path

import torch
from mmengine.config import Config
from safetensors.torch import save_file

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.delta import DeltaInfo, extract  # noqa: E402
from gps_seg.engine.testing.task_model import build_base  # noqa: E402
from gps_seg.sparse import Selection  # noqa: E402

HEIGHT, WIDTH = 16, 24
SELECTED = 'backbone.layers.1.attn.qkv.weight'
TEXT = """
default_scope = 'mmseg'
custom_imports = dict(imports=['gps_seg.engine'], allow_failed_imports=False)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[120.0, 110.0, 100.0],
        std=[60.0, 50.0, 40.0],
        bgr_to_rgb=True,
        size=(16, 24),
    ),
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(
            embed_dims=16,
            num_layers=2,
            num_heads=2,
            feedforward_channels=32,
        ),
        img_size=(16, 24),
        patch_size=8,
        out_type='featmap',
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=16,
        in_index=0,
        channels=8,
        num_convs=1,
        kernel_size=1,
        concat_input=False,
        num_classes=2,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    test_cfg=dict(mode='whole'),
)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(24, 16), keep_ratio=False),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
test_dataloader = dict(
    dataset=dict(type='PolypDataset', ann_file='splits/val.txt')
)
val_dataloader = test_dataloader
train_dataloader = dict(
    dataset=dict(type='PolypDataset', ann_file='splits/train.txt')
)
"""


def write_config(folder: Path) -> Path:
    """Config and pretrained backbone in a folder; path of the config."""
    weights = folder / 'base.safetensors'
    path = folder / 'small.py'
    path.write_text(TEXT)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # chosen, with the task's, to see both classes
        backbone = build_base(Config.fromfile(path)).backbone.state_dict()
        # The output of a fresh ViT hardly depends on its input.
        state = {n: torch.randn_like(t) for n, t in backbone.items()}
    save_file(state, weights)
    source = {'type': 'Pretrained', 'checkpoint': str(weights)}
    path.write_text(f'{TEXT}\nmodel["backbone"]["init_cfg"] = {source}\n')
    return path


def write_task(folder: Path) -> Path:
    """As :func:`write_config`, and ``delta.safetensors`` beside it."""
    path = write_config(folder)
    make_delta(Config.fromfile(path)).save(folder / 'delta.safetensors')
    return path


def tuned_state(config, seed=1):
    """Selection and state dict of a model tuned on the config's base."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # of the head
        state = copy.deepcopy(build_base(config).state_dict())
    weight = state[SELECTED]
    columns = torch.randint(16, (len(weight),), generator=generator)
    indices = torch.arange(len(weight)) * 16 + columns
    weight.put_(indices, torch.randn(len(indices), generator=generator))
    for name in state:
        if name.endswith('.bias') and 'ln' not in name:
            state[name] += torch.randn(state[name].shape, generator=generator)
    # Of a head at its start the logits are next to nothing.
    state['decode_head.conv_seg.weight'] *= 100
    return Selection({SELECTED: indices}, {SELECTED: weight.shape}), state


def make_delta(config, info=None):
    """Delta of :func:`tuned_state`, with the head as new."""
    _, state = tuned_state(config)
    base = {
        name: tensor
        for name, tensor in build_base(config).state_dict().items()
        if name.startswith('backbone.')
    }
    return extract(base, state, info or info_of(config))


def info_of(config, /, **others):
    """Facts as a training run tells them."""
    facts = {
        'classes': ('background', 'polyp'),
        'palette': ((0, 0, 0), (255, 0, 0)),
        'method': {'type': 'gps', 'k': 1},
        'config': config.pretty_text,
        'metric': {'mDice': 88.25, 'mIoU': 80.5},
        **others,
    }
    return DeltaInfo(**facts)
