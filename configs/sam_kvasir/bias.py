"""SAM on Kvasir-SEG: bias tuning.

    python tools/train.py configs/sam_kvasir/bias.py --amp

Not run.
"""

_base_ = '../gps_sam_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
