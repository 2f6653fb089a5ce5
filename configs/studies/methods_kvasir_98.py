"""Kvasir-SEG at 98 x 98, 120 steps: to tune rates for methods_kvasir.py.

    python tools/train.py configs/studies/methods_kvasir_98.py --seed 0

Not run.
"""

_base_ = './kvasir_98.py'

optim_wrapper = dict(type='AmpPeftOptimWrapper')
train_dataloader = dict(batch_size=8)
val_cfg = dict(fp16=True)
test_cfg = dict(fp16=True)
train_cfg = dict(max_iters=120, val_interval=120)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=120),
]
