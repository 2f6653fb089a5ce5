"""GPS on ADE20K: SETR-PUP with ViT-L/16 at 512 x 512.

    bash tools/dist_train.sh configs/gps_ade20k.py 8

160,000 steps of 16 images; optimizer and rates are those of MMSegmentation's
SETR for full tuning. docs/ade20k.md says where to get data and weights, and
how to train on one GPU and to test.

Not run. 4.28 % of the values would be trained.
"""

_base_ = [
    '_base_/models/setr_vit-l_pup.py',
    '_base_/recipes/ade20k_160k.py',
    '_base_/peft/gps_k1.py',
]

optim_wrapper = dict(
    optimizer=dict(lr=0.001, weight_decay=0.0),
    paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=10.0))),
)
