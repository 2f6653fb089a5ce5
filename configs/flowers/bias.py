"""The rival of GPS on Flowers-102, official split: bias tuning."""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
