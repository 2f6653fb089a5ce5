"""The rival of GPS on Kvasir-SEG: bias tuning, all else equal."""

_base_ = '../gps_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
