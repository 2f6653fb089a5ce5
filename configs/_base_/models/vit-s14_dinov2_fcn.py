"""DINOv2 ViT-S/14 with one 1x1 convolution over four of its levels."""

_base_ = './fcn_ce_dice.py'

input_size = (252, 252)  # 18 x 18 patches of 14 pixels

model = dict(
    data_preprocessor=dict(size=input_size),
    backbone=dict(
        arch='dinov2-small',
        img_size=input_size,
        patch_size=14,
        layer_scale_init_value=1e-5,
        out_indices=(2, 5, 8, 11),
        interpolate_mode='bicubic',
        init_cfg=dict(
            type='Pretrained', checkpoint='weights://vit-small-p14_dinov2'
        ),
    ),
    decode_head=dict(
        in_channels=[384] * 4,
        in_index=[0, 1, 2, 3],
        input_transform='resize_concat',
        channels=128,
        dropout_ratio=0.1,
        out_channels=2,
    ),
)
