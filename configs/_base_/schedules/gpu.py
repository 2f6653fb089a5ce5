"""As laptop.py, but 2,200 steps in mixed precision (bfloat16)."""

_base_ = './laptop.py'

train_cfg = dict(max_iters=2200, val_interval=220)
optim_wrapper = dict(type='AmpPeftOptimWrapper', dtype='bfloat16')
param_scheduler = [
    dict(_base_.param_scheduler[0], end=100),
    dict(_base_.param_scheduler[1], begin=100, end=2200),
]
