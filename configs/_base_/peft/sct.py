"""SCT: an eighth of the channels behind each MLP, mixed by a matrix."""

custom_hooks = [dict(type='PeftHook', method=dict(type='sct'))]
