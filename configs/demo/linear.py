"""The rival of GPS in the demo: linear tuning, at its own learning rate.

    python tools/train.py configs/demo/linear.py

Expected: image_mDice 70.4 at hospital A after 10 to 15 seconds on
one core (Xeon, float32); 0.99 % trained.
"""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='linear'))]
optim_wrapper = dict(optimizer=dict(lr=1e-1))
