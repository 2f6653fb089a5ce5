"""The control of GPS on Kvasir-SEG: as many random connections.

    python tools/train.py configs/kvasir/gps_random.py --seed 0

Expected: image_mDice 82.7 and image_mIoU 73.6 (mean of 2 seeds) after 11 to 14
minutes on 1 core (Xeon without AMX, float32); 1.29 % trained.
Runs with other seeds can lie two points apart; see docs/results.md.
"""

_base_ = '../gps_kvasir.py'

custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1, score='random'))
]
