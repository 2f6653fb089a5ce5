"""The control of GPS, all else equal: as many connections, at random."""

_base_ = './vtab_gps.py'

custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1, score='random'))
]
