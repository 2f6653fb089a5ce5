"""The control of GPS on Kvasir-SEG: as many connections, chosen by chance."""

_base_ = './gps.py'

custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1, score='random'))
]
