"""As laptop.py, but 1,100 steps."""

_base_ = './laptop.py'

train_cfg = dict(max_iters=1100, val_interval=220)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=1100),
]
