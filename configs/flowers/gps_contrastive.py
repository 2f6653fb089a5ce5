"""The rival of GPS, all else equal: selected by the loss without a head."""

_base_ = [
    '../_base_/models/vit-s14_dinov2_cls.py',
    '../_base_/datasets/flowers102_64.py',
    '../_base_/schedules/flowers_laptop.py',
    '../_base_/peft/gps_contrastive_70.py',
    '../_base_/classification_runtime.py',
]

optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3)))
)
