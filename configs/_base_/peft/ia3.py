"""(IA)^3: factors of keys, values and hidden units."""

custom_hooks = [dict(type='PeftHook', method=dict(type='ia3'))]
