"""The rival of GPS in the demo: linear tuning, at its own learning rate."""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
optim_wrapper = dict(optimizer=dict(lr=1e-1))
