"""LoRA: updates of rank 8 of queries and values."""

custom_hooks = [
    dict(
        type='PeftHook',
        method=dict(type='lora', rank=8, alpha=8, on=['q', 'v']),
    )
]
