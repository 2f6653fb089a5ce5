"""By which loss to select, all else equal: k=1, on held-out training images.

    python tools/compare.py configs/studies/selection_losses.py --seeds 0 1 2

Expected: image_mDice 78.1 for the task loss, 78.0 with a warmed-up head and
77.2 for the contrastive loss (means of 3 seeds). docs/selection.md has the
table. The time was not recorded.
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
