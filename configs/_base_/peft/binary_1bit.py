"""Binary adapters: bottlenecks of 32 channels, one bit for each value."""

custom_hooks = [
    dict(type='PeftHook', method=dict(type='binary', rank=32, bits=1))
]
