"""DINOv2 ViT-S/14 with one linear layer on its class token, 70 x 70.

The head begins with small random weights, not with MMPretrain's zeros: a head
of zeros sends no gradient back, and GPS would have nothing to select by.
"""

input_size = (70, 70)  # 5 x 5 patches of 14 pixels

model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
        num_classes=102,
    ),
    backbone=dict(
        type='VisionTransformer',
        arch='dinov2-small',
        img_size=input_size,
        patch_size=14,
        layer_scale_init_value=1e-5,
        out_type='cls_token',
        interpolate_mode='bicubic',
        init_cfg=dict(
            type='Pretrained', checkpoint='weights://vit-small-p14_dinov2'
        ),
    ),
    head=dict(
        type='LinearClsHead',
        num_classes=102,
        in_channels=384,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
)
