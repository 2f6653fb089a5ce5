"""The paper's 100 epochs for FGVC and VTAB-1k, in mixed precision (bfloat16).

Adam without decay or clipping. The rate, which is that of each leaf, rises for
ten epochs (from 1e-7 if it is 1e-3) and falls along a cosine to 1e-8.
"""

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100)
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='AmpPeftOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=1e-3, weight_decay=0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-4, begin=0, end=10),
    dict(type='CosineAnnealingLR', eta_min=1e-8, begin=10, end=100, T_max=90),
]
