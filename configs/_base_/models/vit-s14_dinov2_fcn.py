"""DINOv2 ViT-S/14 with one 1x1 convolution over four of its levels.

Class 1 is the object that is looked for; class 0 is the background.
"""

input_size = (252, 252)  # 18 x 18 patches of 14 pixels

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=input_size,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch='dinov2-small',
        img_size=input_size,
        patch_size=14,
        layer_scale_init_value=1e-5,
        out_indices=(2, 5, 8, 11),
        out_type='featmap',
        interpolate_mode='bicubic',
        init_cfg=dict(
            type='Pretrained', checkpoint='weights://vit-small-p14_dinov2'
        ),
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=[384] * 4,
        in_index=[0, 1, 2, 3],
        input_transform='resize_concat',
        channels=128,
        num_convs=1,
        kernel_size=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=2,
        out_channels=2,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False,
        loss_decode=[
            dict(
                type='CrossEntropyLoss',
                loss_name='loss_ce',
                avg_non_ignore=True,
            ),
            # In this loss ``ignore_index`` names a class to leave out: what
            # is left is the soft Dice of class 1 alone.  ``eps=1`` keeps its
            # gradient bounded when an image holds no object.
            dict(
                type='DiceLoss',
                loss_name='loss_dice',
                use_sigmoid=False,
                naive_dice=True,
                ignore_index=0,
                eps=1.0,
            ),
        ],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
