"""SPT-LoRA: updates of low rank, or single entries, where the data ask for it.

The budget is the number of values that train inside the encoder.
"""

custom_hooks = [
    dict(type='PeftHook', method=dict(type='spt_lora', budget=200_000))
]
