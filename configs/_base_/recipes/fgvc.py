"""What the paper does on all FGVC sets, apart from data and backbone.

MMEngine refuses two bases that set one key. A recipe therefore writes what it
changes in the model into ``model_settings``, and the leaf, which has the model
as another base, puts that in: ``model = _base_.model_settings``.
"""

_base_ = [
    '../schedules/fgvc_vtab.py',
    '../peft/gps_contrastive.py',
    '../classification_runtime.py',
]

# Mixed images and smoothed labels.
model_settings = dict(
    train_cfg=dict(
        augments=[
            dict(type='Mixup', alpha=0.8),
            dict(type='CutMix', alpha=1.0),
        ]
    ),
    head=dict(
        loss=dict(
            type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'
        )
    ),
)
