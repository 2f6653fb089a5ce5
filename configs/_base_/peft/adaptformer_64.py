"""AdaptFormer: a bottleneck of 64 channels beside the MLP of each block."""

custom_hooks = [
    dict(type='PeftHook', method=dict(type='adaptformer', rank=64))
]
