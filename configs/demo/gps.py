"""The demo: GPS takes a segmentor from white light to narrow-band light.

Data and run: ``make demo``, or after it
``python tools/train.py configs/demo/gps.py``.

The learning rate of this config and of each of its siblings was chosen among
three or more on ``splits/tune.txt``, never on the validation images:
``python tools/train.py configs/demo/gps.py --work-dir work_dirs/tune/gps_2e-2
--cfg-options optim_wrapper.optimizer.lr=2e-2
val_dataloader.dataset.ann_file=splits/tune.txt``
"""

_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/vit-demo_fcn.py',
    '../_base_/datasets/synthetic_polyps.py',
    '../_base_/peft/gps_k1.py',
]

load_from = 'data/demo/vit-demo_source.safetensors'
max_iters = 150
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=max_iters, val_interval=30
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='PeftOptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-2, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=15),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=15,
        end=max_iters,
        eta_min=0,
    ),
]
default_hooks = dict(
    checkpoint=dict(interval=max_iters, save_best=None),
)
log_processor = dict(by_epoch=False)
