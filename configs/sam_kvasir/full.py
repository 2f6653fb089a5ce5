"""SAM on Kvasir-SEG: full tuning.

    python tools/train.py configs/sam_kvasir/full.py --amp

Not run.
"""

_base_ = '../gps_sam_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='full'))]
