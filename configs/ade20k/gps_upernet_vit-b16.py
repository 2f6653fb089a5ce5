"""GPS on ADE20K: UPerNet with ViT-B/16 at 512 x 512.

    bash tools/dist_train.sh configs/ade20k/gps_upernet_vit-b16.py 8

160,000 steps of 16 images; optimizer and rates are those of MMSegmentation's
ViT for full tuning. docs/ade20k.md says where to get data and weights, and how
to train on one GPU and to test.

Not run. 40.2 % of the values would be trained, nearly all of them in the head.
"""

_base_ = [
    '../_base_/models/upernet_vit-b16.py',
    '../_base_/recipes/ade20k_160k.py',
    '../_base_/peft/gps_k1.py',
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
        _base_.param_scheduler[0],
        eta_min=0.0,
        power=1.0,
        begin=1500,
    ),
]
