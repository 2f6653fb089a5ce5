"""The rival of GPS in the demo: full tuning, at its own learning rate."""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='full'))]
optim_wrapper = dict(optimizer=dict(lr=1e-3))
