"""As convnext-b_in21k_cls.py, with mixup or CutMix and label smoothing."""

_base_ = ['./convnext-b_in21k_cls.py']

model = dict(
    train_cfg=dict(
        augments=[
            dict(type='Mixup', alpha=0.8),
            dict(type='CutMix', alpha=1.0),
        ]
    ),
    head=dict(
        loss=dict(
            _delete_=True,
            type='LabelSmoothLoss',
            label_smooth_val=0.1,
            mode='original',
        )
    ),
)
