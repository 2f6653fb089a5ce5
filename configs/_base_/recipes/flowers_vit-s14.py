"""Flowers-102 at 70 x 70 on a laptop, apart from data and method.

The encoder's rate is that of GPS, relative to the head's 1e-2.
"""

_base_ = [
    '../models/vit-s14_dinov2_cls.py',
    '../schedules/flowers_laptop.py',
    '../classification_runtime.py',
]

optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3)))
)
