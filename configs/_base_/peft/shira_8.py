"""SHiRA: random entries, as many as LoRA of rank 8 has values."""

custom_hooks = [dict(type='PeftHook', method=dict(type='shira', rank=8))]
