"""The control of GPS on Kvasir-SEG: as many random connections."""

_base_ = './gps.py'

custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1, score='random'))
]
