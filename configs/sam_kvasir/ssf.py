"""SAM on Kvasir-SEG: scale and shift.

    python tools/train.py configs/sam_kvasir/ssf.py --amp

Not run.
"""

_base_ = '../gps_sam_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='ssf'))]
