"""As sam_head_kvasir.py at 98 x 98 in 120 steps, to tune its rates.

    python tools/train.py configs/studies/sam_head_kvasir_98.py --seed 0

Not run.
"""

_base_ = './sam_head_kvasir.py'

from gps_seg.engine.config.input_size import at_input_size

globals().update(at_input_size(_base_, _base_.crop_size, (98, 98)))

train_cfg = dict(max_iters=120, val_interval=120)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=120),
]
default_hooks = dict(checkpoint=dict(interval=120))
