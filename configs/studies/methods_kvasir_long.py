"""As methods_kvasir.py, with ten epochs instead of five.

    python tools/compare.py configs/studies/methods_kvasir_long.py \
        --methods linear bias norm full lora adaptformer vpt ssf spt_lora \
            paca 'gps random' gps 'gps decrement'

Expected: image_mDice 88.2 for full tuning, 86.7 for random connections, 86.3
for GPS (means of 2 seeds) and 86.0 for biases (mean of 3 seeds) on a GPU
(NVIDIA H200). See docs/results.md.
"""

_base_ = './methods_kvasir.py'

train_cfg = dict(max_iters=1100, val_interval=220)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=1100),
]
default_hooks = dict(checkpoint=dict(interval=220))
