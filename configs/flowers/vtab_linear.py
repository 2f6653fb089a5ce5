"""The rival of GPS on VTAB-1k's Flowers-102: linear tuning."""

_base_ = './vtab_gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
# No part of the encoder trains, so that it needs no rate.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(_delete_=True)))
