"""Five epochs of Adam without decay: ends on a laptop without a GPU.

The encoder learns at the rate of the head. Where it learns better faster or
slower, the leaf sets a multiplier (``paramwise_cfg``).
"""

max_epochs = 5

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='PeftOptimWrapper',
    optimizer=dict(type='Adam', lr=1e-2),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        begin=0,
        end=1,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=0,
        begin=1,
        end=max_epochs,
        T_max=max_epochs - 1,
        convert_to_iter_based=True,
    ),
]
