"""gps_ade20k.py on one GPU: 2 images at a time, 8 times per step.

    python tools/train.py configs/ade20k/gps_setr_one_gpu.py

The same 160,000 steps of 16 images; MMEngine counts the batches of 2.
"""

_base_ = '../gps_ade20k.py'

batches_per_step = 8
num_batches = 160000 * batches_per_step
optim_wrapper = dict(accumulative_counts=batches_per_step)
train_cfg = dict(max_iters=num_batches, val_interval=16000 * batches_per_step)
param_scheduler = [
    dict(
        type='PolyLR',
        eta_min=1e-4,
        power=0.9,
        begin=0,
        end=num_batches,
        by_epoch=False,
    )
]
default_hooks = dict(checkpoint=dict(interval=16000 * batches_per_step))
