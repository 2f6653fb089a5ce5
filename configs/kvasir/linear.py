"""The rival of GPS on Kvasir-SEG: a linear head, all else equal.

    python tools/train.py configs/kvasir/linear.py --seed 0

Expected: image_mDice 69.5 and image_mIoU 58.8 (mean of 2 seeds) after 4 to 6
minutes on 1 core (Xeon without AMX, float32); 0.90 % trained.
Runs with other seeds can lie two points apart; see docs/results.md.
"""

_base_ = '../gps_kvasir.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
optim_wrapper = dict(optimizer=dict(lr=1e-2))
