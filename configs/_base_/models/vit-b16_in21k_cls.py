"""ViT-B/16 of ImageNet-21k (augreg) with one linear layer, 224 x 224."""

_base_ = './linear_cls.py'

model = dict(
    data_preprocessor=dict(
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
    ),
    backbone=dict(
        type='VisionTransformer',
        arch='base',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.0,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'vit/pretrain/vit-base-p16_3rdparty_pt-64xb64_in1k-224_20210928-'
            '02284250.pth',
            prefix='backbone',
        ),
    ),
    head=dict(num_classes=1000, in_channels=768),
)
