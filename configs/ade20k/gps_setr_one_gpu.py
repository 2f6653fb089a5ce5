"""As gps_ade20k.py, on one GPU: 2 images at a time, 8 times per step.

    python tools/train.py configs/ade20k/gps_setr_one_gpu.py

The same 160,000 steps of 16 images; MMEngine counts the batches of 2.

Not run. 4.28 % of the values would be trained.
"""

_base_ = '../gps_ade20k.py'

batches_per_step = 8
num_batches = 160000 * batches_per_step
val_interval = 16000 * batches_per_step
optim_wrapper = dict(accumulative_counts=batches_per_step)
train_cfg = dict(max_iters=num_batches, val_interval=val_interval)
param_scheduler = [dict(_base_.param_scheduler[0], end=num_batches)]
default_hooks = dict(checkpoint=dict(interval=val_interval))
