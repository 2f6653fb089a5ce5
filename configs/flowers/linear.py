"""The rival of GPS on Flowers-102: a linear head.

    python tools/train.py configs/flowers/linear.py --seed 0

Expected: top-1 65.2 and mean per class 68.2 on 1 core (Xeon without AMX,
float32); 0.18 % trained. The time was not recorded.
"""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
# No part of the encoder trains, so it needs no rate.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(_delete_=True)))
