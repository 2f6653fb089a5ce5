"""BitFit: all biases of the encoder, those of norms included."""

custom_hooks = [dict(type='PeftHook', method=dict(type='bitfit'))]
