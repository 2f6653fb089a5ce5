"""The rival of GPS on Flowers-102, official split: linear tuning."""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
# No part of the encoder trains, so that it needs no rate.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(_delete_=True)))
