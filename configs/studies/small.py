"""Kvasir-SEG at 98 x 98: for comparisons of many runs on a laptop.

    python tools/train.py configs/studies/small.py --seed 0

7 x 7 patches in place of 18 x 18, 200 steps. Scores lie far below those at
252 x 252; only their differences mean something.

Expected: image_mDice 66.7 (mean of 3 seeds); 1.29 % trained. The time was not
recorded.
"""

_base_ = '../gps_kvasir.py'

input_size = (98, 98)


def resized(pipeline):
    """The pipeline at the smaller size."""
    return [
        dict(step, scale=input_size) if step['type'] == 'Resize' else step
        for step in pipeline
    ]


train_pipeline = resized(_base_.train_pipeline)
test_pipeline = resized(_base_.test_pipeline)
model = dict(
    data_preprocessor=dict(size=input_size),
    backbone=dict(img_size=input_size),
)
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(loader, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(loader, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(max_iters=200, val_interval=200)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=200),
]
default_hooks = dict(checkpoint=dict(interval=200, save_best=None))
