"""The rival of GPS in the demo: bias tuning, at its own learning rate."""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
optim_wrapper = dict(optimizer=dict(lr=4e-2))
