"""The rival of GPS on Flowers-102, official split: bias tuning."""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1.0)))
)
