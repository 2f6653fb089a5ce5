"""The rival of GPS on VTAB-1k's Flowers-102: bias tuning.

    python tools/train.py configs/flowers/vtab_bias.py --seed 0

Expected: top-1 68.9 and mean per class 71.6 on 1 core (Xeon without AMX,
float32); 0.38 % trained. The time was not recorded.
"""

_base_ = './vtab_gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
# The encoder learns at the rate of the head.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(_delete_=True)))
