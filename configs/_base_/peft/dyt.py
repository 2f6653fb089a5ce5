"""DyT: bottlenecks of 64 channels beside MLPs that half of the tokens skip."""

custom_hooks = [dict(type='PeftHook', method=dict(type='dyt', rate=0.5))]
