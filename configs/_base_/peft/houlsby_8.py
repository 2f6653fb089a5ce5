"""Houlsby: a bottleneck of an eighth of the width behind each branch."""

custom_hooks = [
    dict(type='PeftHook', method=dict(type='houlsby', reduction=8))
]
