"""Partial-1: the last block of the encoder and what follows it."""

custom_hooks = [
    dict(type='PeftHook', method=dict(type='partial', last_blocks=1))
]
