"""160,000 steps of SGD with a polynomial decay, as in MMSegmentation.

The rates are for 16 images per step: 8 processes with 2 each. With another
number, ``--cfg-options auto_scale_lr.enable=True`` scales them in proportion.
"""

max_iters = 160000
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=max_iters, val_interval=16000
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='PeftOptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=0.0005),
    clip_grad=None,
)
param_scheduler = [
    dict(
        type='PolyLR',
        eta_min=1e-4,
        power=0.9,
        begin=0,
        end=max_iters,
        by_epoch=False,
    )
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
