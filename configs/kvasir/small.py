"""Kvasir-SEG at 98 x 98: for comparisons of many runs on a laptop.

    python tools/train.py configs/kvasir/small.py --seed 0

7 x 7 patches in place of 18 x 18. docs/selection.md
has the scores.
"""

_base_ = '../gps_kvasir.py'

input_size = (98, 98)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', scale=input_size, keep_ratio=False),
    dict(type='ReproducibleAlbu', transforms={{_base_.albu_transforms}}),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=input_size, keep_ratio=False),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
model = dict(
    data_preprocessor=dict(size=input_size),
    backbone=dict(img_size=input_size),
)
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=test_pipeline),
)
test_dataloader = val_dataloader

train_cfg = dict(max_iters=200, val_interval=200)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(
        type='CosineAnnealingLR',
        eta_min=0,
        by_epoch=False,
        begin=20,
        end=200,
        T_max=180,
    ),
]
default_hooks = dict(checkpoint=dict(interval=200, save_best=None))
