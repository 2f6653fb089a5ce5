"""ADE20K for 160,000 steps of 16 images, apart from model and optimizer."""

_base_ = [
    '../datasets/ade20k.py',
    '../schedules/160k.py',
    '../default_runtime.py',
]

default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(interval=16000, save_best='mIoU'),
)
