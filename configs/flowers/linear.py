"""The rival of GPS on Flowers-102, official split: linear tuning."""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
