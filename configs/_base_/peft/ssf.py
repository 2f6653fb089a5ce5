"""SSF: a factor and a shift for each channel of each layer."""

custom_hooks = [dict(type='PeftHook', method=dict(type='ssf'))]
