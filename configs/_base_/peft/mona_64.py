"""Mona: bottlenecks of 64 channels with depthwise convolutions."""

custom_hooks = [dict(type='PeftHook', method=dict(type='mona', rank=64))]
