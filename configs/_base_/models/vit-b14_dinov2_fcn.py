"""As vit-s14_dinov2_fcn.py with DINOv2 ViT-B/14, for a GPU."""

_base_ = ['./vit-s14_dinov2_fcn.py']

model = dict(
    backbone=dict(
        arch='base',
        init_cfg=dict(checkpoint='weights://vit-base-p14_dinov2'),
    ),
    decode_head=dict(in_channels=[768] * 4),
)
