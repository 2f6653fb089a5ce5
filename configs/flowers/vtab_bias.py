"""The rival of GPS on VTAB-1k's Flowers-102: bias tuning."""

_base_ = './vtab_gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1.0)))
)
