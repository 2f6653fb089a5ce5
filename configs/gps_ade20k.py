"""GPS on ADE20K: SETR-PUP with ViT-L/16 at 512 x 512.

    bash tools/dist_train.sh configs/gps_ade20k.py 8

160,000 steps of 16 images; optimizer and rates are those of MMSegmentation's
SETR for full tuning. This schedule has not been run. docs/ade20k.md tells
where data and weights come from, and how to train on one GPU and to test.
"""

_base_ = [
    '_base_/models/setr_vit-l_pup.py',
    '_base_/datasets/ade20k.py',
    '_base_/schedules/160k.py',
    '_base_/peft/gps.py',
    '_base_/default_runtime.py',
]

optim_wrapper = dict(
    optimizer=dict(lr=0.001, weight_decay=0.0),
    paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=10.0))),
)
default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(interval=16000, save_best='mIoU'),
)
