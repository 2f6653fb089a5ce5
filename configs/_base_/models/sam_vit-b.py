"""SAM with ViT-B/16 at 1024 x 1024: one mask, without a prompt.

The loss is that of SAM-Adapter and of the paper of GPS: binary cross entropy
and soft IoU.
"""

input_size = (1024, 1024)
weights = 'weights://sam-vit-base'

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=input_size,
    ),
    backbone=dict(
        type='mmpretrain.ViTSAM',
        arch='base',
        img_size=input_size,
        patch_size=16,
        out_channels=256,
        window_size=14,
        init_cfg=dict(
            type='Pretrained', checkpoint=weights, prefix='backbone'
        ),
    ),
    decode_head=dict(
        type='SAMHead',
        in_channels=256,
        num_classes=2,
        out_channels=1,
        threshold=0.5,
        align_corners=False,
        loss_decode=[
            dict(
                type='CrossEntropyLoss',
                loss_name='loss_bce',
                use_sigmoid=True,
                avg_non_ignore=True,
            ),
            dict(type='SoftIoULoss'),
        ],
        init_cfg=dict(
            type='Pretrained', checkpoint=weights, prefix='decode_head'
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
