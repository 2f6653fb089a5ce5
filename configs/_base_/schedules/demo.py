"""150 steps of AdamW for the small model of the demo."""

max_iters = 150
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=max_iters, val_interval=75
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
