"""The rival of GPS on Kvasir-SEG: linear tuning, all else equal."""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
optim_wrapper = dict(optimizer=dict(lr=3e-2))
