"""2,200 steps of AdamW in mixed precision (bfloat16)."""

train_cfg = dict(type='IterBasedTrainLoop', max_iters=2200, val_interval=220)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='AmpPeftOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR',
        eta_min=0,
        by_epoch=False,
        begin=100,
        end=2200,
        T_max=2100,
    ),
]
