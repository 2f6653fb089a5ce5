"""The rival of GPS on Flowers-102: full tuning.

    python tools/train.py configs/flowers/full.py --seed 0

Expected: top-1 83.6 and mean per class 85.3 on 1 core (Xeon without AMX,
float32); 100 % trained. The time was not recorded.
"""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='full'))]
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.003)))
)
