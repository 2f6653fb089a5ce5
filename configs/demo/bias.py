"""The rival of GPS in the demo: bias tuning, at its own learning rate.

    python tools/train.py configs/demo/bias.py

Expected: image_mDice 73.1 at hospital A after 15 to 30 seconds on
one core (Xeon, float32); 1.55 % trained.
"""

_base_ = './gps.py'

custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
optim_wrapper = dict(optimizer=dict(lr=4e-2))
