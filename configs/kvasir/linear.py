"""The rival of GPS on Kvasir-SEG: a linear head, all else equal.

    python tools/train.py configs/kvasir/linear.py --seed 0 --amp

Expected: image_mDice 74.9 and image_mIoU 64.2 (mean of 3 seeds) on a GPU
(NVIDIA H200); 0.90 % trained. The runs, in bfloat16 and beside others, are
those of configs/studies/methods_kvasir_long.py; see docs/results.md.
"""

_base_ = '../gps_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
optim_wrapper = dict(
    optimizer=dict(lr=1e-2), paramwise_cfg=dict(_delete_=True)
)
