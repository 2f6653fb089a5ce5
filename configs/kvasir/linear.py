"""The rival of GPS on Kvasir-SEG: a linear head, all else equal.

    python tools/train.py configs/kvasir/linear.py --seed 0 --amp

Expected: image_mDice 73.3 and image_mIoU 62.4 (mean of 3 seeds); 0.90 %
trained. The time was not recorded alone. The run is that of
configs/studies/methods_kvasir.py; see docs/results.md.
"""

_base_ = '../gps_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
optim_wrapper = dict(
    optimizer=dict(lr=1e-2), paramwise_cfg=dict(_delete_=True)
)
