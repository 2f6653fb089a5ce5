"""Adapter: a bottleneck of an eighth of the width behind each MLP."""

custom_hooks = [
    dict(type='PeftHook', method=dict(type='adapter', reduction=8))
]
