"""The control of GPS in the demo: as many random connections.

    python tools/train.py configs/demo/gps_random.py

Expected: image_mDice 77.3 at hospital A after 15 to 30 seconds on
one core (Xeon, float32); 2.10 % trained.
"""

_base_ = './gps.py'

custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1, score='random'))
]
