"""The rival of GPS in the demo: full tuning, at its own learning rate.

    python tools/train.py configs/demo/full.py

Expected: image_mDice 81.1 at hospital A after 15 to 30 seconds on
one core (Xeon, float32); 100 % trained.
"""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='full'))]
optim_wrapper = dict(optimizer=dict(lr=1e-3))
