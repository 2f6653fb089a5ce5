"""ConvNeXt-B of ImageNet-21k with one linear layer, 224 x 224."""

_base_ = './linear_cls.py'

model = dict(
    backbone=dict(
        type='ConvNeXt',
        arch='base',
        drop_path_rate=0.0,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'convnext/convnext-base_3rdparty_in21k_20220124-13b83eec.pth',
            prefix='backbone',
        ),
    ),
    head=dict(num_classes=1000, in_channels=1024),
)
