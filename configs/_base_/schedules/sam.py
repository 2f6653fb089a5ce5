"""20 epochs of Adam on 880 single images, as in SAM-Adapter.

The rate falls along a cosine from 2e-4 to 1e-7, here in every step.
"""

max_iters = 20 * 880
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=max_iters, val_interval=880
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='PeftOptimWrapper', optimizer=dict(type='Adam', lr=2e-4)
)
param_scheduler = [
    dict(type='CosineAnnealingLR', by_epoch=False, end=max_iters, eta_min=1e-7)
]
