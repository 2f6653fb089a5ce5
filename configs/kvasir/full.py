"""The rival of GPS on Kvasir-SEG: full tuning, all else equal.

    python tools/train.py configs/kvasir/full.py --seed 0 --amp

Expected: image_mDice 86.6 and image_mIoU 79.3 (mean of 3 seeds); 100 %
trained. The time was not recorded alone. The run is that of
configs/studies/methods_kvasir.py; see docs/results.md.
"""

_base_ = '../gps_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='full'))]
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.03)))
)
