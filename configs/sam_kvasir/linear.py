"""SAM on Kvasir-SEG: the mask decoder alone.

    python tools/train.py configs/sam_kvasir/linear.py --amp

Not run.
"""

_base_ = '../gps_sam_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
