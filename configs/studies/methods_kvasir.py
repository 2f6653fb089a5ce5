"""Which method? Kvasir-SEG (880/120) at 252 x 252, five epochs, bfloat16.

    python tools/compare.py configs/studies/methods_kvasir.py --seeds 0 1 \
        --rates 0.01 0.03 0.1 0.3 1 3 10 30 \
        --tune-with configs/studies/methods_kvasir_98.py

Without --rates, those that it found are taken.

Expected: image_mDice 86.6 for full tuning, 86.0 for GPS with its recipe, 84.7
for GPS and 85.1 for biases (means of 3 seeds). See docs/results.md.
"""

_base_ = './kvasir_252.py'

from gps_seg.engine.config.source import read_config

# In place of those of 200 steps.
rates = dict(_delete_=True, **read_config('gps_seg::_base_/rates.py').rates)

# On a GPU, too, whose default is float16.
optim_wrapper = dict(type='AmpPeftOptimWrapper', dtype='bfloat16')
loader = dict(num_workers=1, persistent_workers=True)
train_dataloader = dict(loader, batch_size=8)
val_dataloader = loader
test_dataloader = loader
val_cfg = dict(fp16=True)
test_cfg = dict(fp16=True)
train_cfg = dict(max_iters=550, val_interval=110)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=550),
]
default_hooks = dict(checkpoint=dict(interval=110))
