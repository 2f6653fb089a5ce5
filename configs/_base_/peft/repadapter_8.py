"""RepAdapter: linear bottlenecks of 8 channels, which can be merged."""

custom_hooks = [dict(type='PeftHook', method=dict(type='repadapter', rank=8))]
