"""SAM on Kvasir-SEG: adapters of an eighth of the width.

    python tools/train.py configs/sam_kvasir/adapter.py --amp

Not run.
"""

_base_ = '../gps_sam_kvasir.py'

custom_hooks = [
    dict(type='PeftHook', method=dict(type='adapter', reduction=8))
]
