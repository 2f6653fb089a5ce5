"""One 1x1 convolution on a ViT's features: cross entropy and Dice.

Class 1 is the object that is looked for; class 0 is the background. The size
of the images and the backbone are those of the model that inherits this.
"""

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(type='mmpretrain.VisionTransformer', out_type='featmap'),
    decode_head=dict(
        type='FCNHead',
        num_convs=1,
        kernel_size=1,
        concat_input=False,
        num_classes=2,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False,
        loss_decode=[
            dict(
                type='CrossEntropyLoss',
                loss_name='loss_ce',
                avg_non_ignore=True,
            ),
            # In this loss ``ignore_index`` names a class to leave out: what
            # is left is the soft Dice of class 1 alone. ``eps=1`` keeps its
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
