"""Pretraining of the demo's segmentor on the source domain, from scratch.

Run it by ``python tools/pretrain_demo.py``, which draws the images, trains by
this config and writes the checkpoint that ``make demo`` starts from.
"""

_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/vit-demo_fcn.py',
    '../_base_/datasets/synthetic_polyps.py',
]

data_root = 'work_dirs/demo/data/source'
generator = dict(
    domain='source',
    split_sizes=dict(_delete_=True, train=2000, val=100),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomRotFlip', rotate_prob=0.5, flip_prob=0.5, degree=20),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=16,
    dataset=dict(data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))

max_iters = 700
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=max_iters, val_interval=350
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=100),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=100,
        end=max_iters,
        eta_min=1e-5,
    ),
]
# Without SeededStepsHook, as the checkpoint in data/demo was made.
default_hooks = dict(
    _delete_=True,
    logger=dict(type='LoggerHook', interval=20, log_metric_by_epoch=False),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=max_iters),
    report=dict(type='ReportHook'),
)
log_processor = dict(by_epoch=False)
