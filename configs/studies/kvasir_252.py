"""Kvasir-SEG at 252 x 252 in 200 steps, and images unlike it to test on.

    python tools/train.py configs/studies/kvasir_252.py --seed 0

The parent of all studies, which compare its variants or their own. There is
one validation, at the end, and no model is chosen by it.

Not run.
"""

_base_ = [
    '../gps_kvasir_quick.py',
    '../_base_/datasets/unseen_polyps.py',
    '../_base_/methods.py',
    '../_base_/rates_200_steps.py',
]

loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = loader
val_dataloader = loader
test_dataloader = loader
unseen = {
    name: dict(data, pipeline=data.pipeline + _base_.test_pipeline[1:])
    for name, data in _base_.unseen.items()
}

train_cfg = dict(max_iters=200, val_interval=200)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=200),
]
default_hooks = dict(checkpoint=dict(interval=200, save_best=None))
