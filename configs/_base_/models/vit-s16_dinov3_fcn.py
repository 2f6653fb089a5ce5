"""timm's DINOv3 ViT-S/16 with one 1x1 convolution over four of its levels.

The weights are under the DINOv3 License, and so is what is trained from them.
"""

_base_ = './fcn_ce_dice.py'

input_size = (256, 256)  # 16 x 16 patches of 16 pixels

model = dict(
    data_preprocessor=dict(size=input_size),
    backbone=dict(
        _delete_=True,
        type='TimmFeatures',
        model_name='vit_small_patch16_dinov3',
        out_indices=(2, 5, 8, 11),
        img_size=input_size,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='timm://vit_small_patch16_dinov3.lvd1689m',
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
