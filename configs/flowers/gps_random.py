"""The control of GPS on Flowers-102: as many random connections.

    python tools/train.py configs/flowers/gps_random.py --seed 0

Expected: top-1 81.1 and mean per class 83.0 on 1 core (Xeon without AMX,
float32); 0.57 % trained. The time was not recorded.
"""

_base_ = './gps.py'

custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1, score='random'))
]
