"""SAM on Kvasir-SEG: LoRA of rank 4 in queries and values.

    python tools/train.py configs/sam_kvasir/lora.py --amp

Not run.
"""

_base_ = '../gps_sam_kvasir.py'

custom_hooks = [
    dict(
        type='PeftHook',
        method=dict(type='lora', rank=4, alpha=4, on=['q', 'v']),
    )
]
