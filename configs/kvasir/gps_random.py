"""The control of GPS on Kvasir-SEG: as many random connections.

    python tools/train.py configs/kvasir/gps_random.py --seed 0 --amp

Expected: image_mDice 86.7 and image_mIoU 79.3 (mean of 2 seeds) on a GPU
(NVIDIA H200); 1.29 % trained. The runs, in bfloat16 and beside others, are
those of configs/studies/methods_kvasir_long.py; see docs/results.md.
"""

_base_ = '../gps_kvasir.py'

custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1, score='random'))
]
