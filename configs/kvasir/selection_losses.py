"""By which loss to select, all else equal: k=1 on Kvasir-SEG at 98 x 98.

    python tools/ablate.py configs/kvasir/selection_losses.py --seeds 0 1 2

docs/selection.md has the result.
"""

_base_ = './small.py'

LOSS = 'custom_hooks.0.loss'

variants = {
    'task': {},
    'task, warm head': {LOSS: dict(type='task', warmup=60)},
    'contrastive, pixels': {LOSS: dict(type='contrastive', views=1)},
}
