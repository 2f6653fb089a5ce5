"""FacT: updates of rank 16 with shared factors, in the tensor-train format."""

custom_hooks = [
    dict(type='PeftHook', method=dict(type='fact', form='tt', rank=16))
]
