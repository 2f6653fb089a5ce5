"""Rein: 100 tokens of rank 16 behind every block of the encoder."""

custom_hooks = [dict(type='PeftHook', method=dict(type='rein'))]
