"""SPT-Adapter: adapters, or single entries, where the data ask for it.

The budget is the number of values that train inside the encoder.
"""

custom_hooks = [
    dict(type='PeftHook', method=dict(type='spt_adapter', budget=200_000))
]
