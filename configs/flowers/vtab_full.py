"""The rival of GPS on VTAB-1k's Flowers-102: full tuning.

    python tools/train.py configs/flowers/vtab_full.py --seed 0

Expected: top-1 69.4 and mean per class 72.2 on 1 core (Xeon without AMX,
float32); 100 % trained. The time was not recorded.
"""

_base_ = './vtab_gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='full'))]
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.003)))
)
