"""The control of GPS in the demo: as many connections, selected at random."""

_base_ = './gps.py'

custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1, score='random'))
]
