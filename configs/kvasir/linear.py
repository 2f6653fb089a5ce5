"""The rival of GPS on Kvasir-SEG: linear tuning, all else equal."""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
# No part of the encoder trains, so that it needs no rate.
optim_wrapper = dict(
    optimizer=dict(lr=3e-2),
    paramwise_cfg=dict(custom_keys=dict(_delete_=True)),
)
