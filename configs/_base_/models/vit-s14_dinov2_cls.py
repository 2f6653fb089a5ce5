"""DINOv2 ViT-S/14 with one linear layer on its class token, 70 x 70."""

_base_ = './linear_cls.py'

input_size = (70, 70)  # 5 x 5 patches of 14 pixels

model = dict(
    data_preprocessor=dict(num_classes=102),
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
    head=dict(num_classes=102, in_channels=384),
)
