"""overfit_mini.py with head and biases trained: what the connections add."""

_base_ = './overfit_mini.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
