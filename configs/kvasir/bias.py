"""The rival of GPS on Kvasir-SEG: bias tuning, all else equal.

    python tools/train.py configs/kvasir/bias.py --seed 0 --amp

Expected: image_mDice 86.0 and image_mIoU 78.1 (mean of 3 seeds) on a GPU
(NVIDIA H200); 1.09 % trained. The runs, in bfloat16 and beside others, are
those of configs/studies/methods_kvasir_long.py; see docs/results.md.
"""

_base_ = '../gps_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=3.0)))
)
