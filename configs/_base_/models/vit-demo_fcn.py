"""A ViT small enough for a laptop: 4 layers of width 128, patches of 8.

At 112 x 112 it sees 14 x 14 patches, about as many as DINOv2 ViT-S/14 sees
at 196 x 196. The head is that of the main model, on the last level alone.
"""

crop_size = (112, 112)

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=crop_size,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(
            embed_dims=128,
            num_layers=4,
            num_heads=4,
            feedforward_channels=512,
        ),
        img_size=crop_size,
        patch_size=8,
        out_type='featmap',
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=128,
        in_index=0,
        channels=64,
        num_convs=1,
        kernel_size=1,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=2,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False,
        loss_decode=[
            dict(
                type='CrossEntropyLoss',
                loss_name='loss_ce',
                avg_non_ignore=True,
            ),
            # ``ignore_index`` names a class to leave out: what is left is
            # the soft Dice of class 1 alone, as in the main model.
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
