"""By which loss to select, all else equal: k=1, on held-out training images.

    python tools/ablate.py configs/kvasir/selection_losses.py --seeds 0 1 2

docs/selection.md has the result.
"""

_base_ = './search.py'

LOSS = 'custom_hooks.0.loss'

variants = dict(
    _delete_=True,
    **{
        'task': _base_.RATES['v=1 b=3'],
        'task, warm head': {
            LOSS: dict(type='task', warmup=60),
            **_base_.RATES['v=1 b=3'],
        },
        'contrastive, pixels': {
            LOSS: dict(type='contrastive', views=1),
            **_base_.RATES['v=1 b=3'],
        },
    },
)
