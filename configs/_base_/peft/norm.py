"""LN-tune: weight and bias of each norm of the encoder."""

custom_hooks = [dict(type='PeftHook', method=dict(type='norm'))]
