"""overfit_mini.py with only the head trained: what the encoder adds."""

_base_ = './overfit_mini.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
