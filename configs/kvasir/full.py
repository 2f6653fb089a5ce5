"""The rival of GPS on Kvasir-SEG: full tuning, all else equal.

    python tools/train.py configs/kvasir/full.py --seed 0 --amp

Expected: image_mDice 88.2 and image_mIoU 81.1 (mean of 2 seeds) on a GPU
(NVIDIA H200); 100 % trained. The runs, in bfloat16 and beside others, are
those of configs/studies/methods_kvasir_long.py; see docs/results.md.
"""

_base_ = '../gps_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='full'))]
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.03)))
)
