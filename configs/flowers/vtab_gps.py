"""GPS on VTAB-1k's Flowers-102 of 64 pixels, ViT-S/14 at 70 x 70.

python tools/train.py configs/flowers/vtab_gps.py --seed 0
"""

_base_ = [
    '../_base_/models/vit-s14_dinov2_cls.py',
    '../_base_/datasets/vtab_flowers102_64.py',
    '../_base_/schedules/flowers_laptop.py',
    '../_base_/peft/gps.py',
    '../_base_/classification_runtime.py',
]

optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3)))
)
