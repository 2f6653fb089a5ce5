"""GPS beside its rivals: the main config at half its length.

    python tools/train.py configs/kvasir/gps.py --seed 0

docs/results.md has the scores of this folder.
"""

_base_ = '../gps_kvasir.py'

train_cfg = dict(max_iters=120, val_interval=120)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=15),
    dict(
        type='CosineAnnealingLR',
        eta_min=0,
        by_epoch=False,
        begin=15,
        end=120,
        T_max=105,
    ),
]
custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1), max_batches=30)
]
