"""240 steps of AdamW: ends on a laptop without a GPU.

The learning rate is that of the head; each leaf says by how much the encoder
learns faster or slower (``paramwise_cfg``).
"""

train_cfg = dict(type='IterBasedTrainLoop', max_iters=240, val_interval=120)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='PeftOptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1.0))),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(
        type='CosineAnnealingLR',
        eta_min=0,
        by_epoch=False,
        begin=20,
        end=240,
        T_max=220,
    ),
]
