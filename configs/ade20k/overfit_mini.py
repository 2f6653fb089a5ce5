"""GPS learns a few images of ADE20K by heart: does the loss fall?

    python tools/train.py configs/ade20k/overfit_mini.py

A check that all parts work on real annotations. The scores are of the training
images.

Expected: mIoU 19.9 and mDice 23.8 of 33 training pairs after about 6 minutes
on 1 core (Xeon with AMX, float32); 1.37 % trained. docs/ade20k.md has the
curve.
"""

_base_ = [
    '../_base_/models/vit-s14_dinov2_fcn.py',
    '../_base_/datasets/ade20k_mini.py',
    '../_base_/schedules/quick.py',
    '../_base_/peft/gps_k1.py',
    '../_base_/default_runtime.py',
]

model = dict(
    decode_head=dict(
        num_classes=150,
        out_channels=150,
        dropout_ratio=0.0,
        # The Dice term of the base is that of one object on a background.
        loss_decode=[dict(type='CrossEntropyLoss', avg_non_ignore=True)],
    ),
)
train_cfg = dict(val_interval=80)
# 150 new classes: the head learns faster than the encoder.
optim_wrapper = dict(
    optimizer=dict(lr=3e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
default_hooks = dict(checkpoint=dict(interval=240, save_best=None))
