"""The control of GPS on Kvasir-SEG: as many random connections.

    python tools/train.py configs/kvasir/gps_random.py --seed 0 --amp

Expected: image_mDice 85.7 and image_mIoU 77.7 (mean of 3 seeds); 1.29 %
trained. The time was not recorded alone. The run is that of
configs/studies/methods_kvasir.py; see docs/results.md.
"""

_base_ = '../gps_kvasir.py'

custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1, score='random'))
]
