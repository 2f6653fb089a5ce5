"""As laptop.py, but 240 steps, for a first look."""

_base_ = './laptop.py'

train_cfg = dict(max_iters=240, val_interval=120)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=240),
]
