"""Swin-B of ImageNet-21k with one linear layer on its mean, 224 x 224."""

_base_ = './linear_cls.py'

model = dict(
    backbone=dict(
        type='SwinTransformer',
        arch='base',
        img_size=224,
        drop_path_rate=0.0,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'swin-transformer/convert/swin-base_3rdparty_in21k.pth',
            prefix='backbone',
        ),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(num_classes=1000, in_channels=1024),
)
