"""550 steps of AdamW, for a laptop without a GPU.

The encoder learns at the rate of the head. Where it learns better faster or
slower, the leaf sets a multiplier (``paramwise_cfg``).
"""

train_cfg = dict(type='IterBasedTrainLoop', max_iters=550, val_interval=110)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='PeftOptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(
        type='CosineAnnealingLR', eta_min=0, by_epoch=False, begin=20, end=550
    ),
]
