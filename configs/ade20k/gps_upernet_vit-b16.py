"""GPS on ADE20K: UPerNet with ViT-B/16 at 512 x 512.

    bash tools/dist_train.sh configs/ade20k/gps_upernet_vit-b16.py 8

160,000 steps of 16 images; optimizer and rates are those of MMSegmentation's
ViT for full tuning. This schedule has not been run. docs/ade20k.md tells where
data and weights come from, and how to train on one GPU and to test.
"""

_base_ = [
    '../_base_/models/upernet_vit-b16.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/160k.py',
    '../_base_/peft/gps.py',
    '../_base_/default_runtime.py',
]

optim_wrapper = dict(
    optimizer=dict(
        _delete_=True,
        type='AdamW',
        lr=6e-5,
        betas=(0.9, 0.999),
        weight_decay=0.01,
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, end=1500),
    dict(
        type='PolyLR',
        eta_min=0.0,
        power=1.0,
        by_epoch=False,
        begin=1500,
        end=160000,
    ),
]
default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(interval=16000, save_best='mIoU'),
)
