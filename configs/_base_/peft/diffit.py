"""DiffFit: biases and norms, and a factor for what each branch returns."""

custom_hooks = [dict(type='PeftHook', method=dict(type='diffit'))]
