"""SETR-PUP on ViT-L/16 for 150 classes at 512 x 512, as in MMSegmentation.

Two things differ from its ``setr_vit-l_pup_8xb2-160k_ade20k-512x512.py``: the
weights are loaded strictly, and the patch embedding has the bias that it had
in pre-training (``patch_bias``), which MMSegmentation drops. Mean and standard
deviation of the images are MMSegmentation's, too; the weights were pre-trained
with 127.5 for both.
"""

input_size = (512, 512)
norm_cfg = dict(type='SyncBN', requires_grad=True)

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
        type='VisionTransformer',
        img_size=input_size,
        patch_size=16,
        patch_bias=True,
        in_channels=3,
        embed_dims=1024,
        num_layers=24,
        num_heads=16,
        out_indices=(9, 14, 19, 23),
        drop_rate=0.0,
        norm_cfg=dict(type='LN', eps=1e-6, requires_grad=True),
        with_cls_token=True,
        interpolate_mode='bilinear',
        init_cfg=dict(
            type='PretrainedViT', checkpoint='weights://vit-large-p16_in21k'
        ),
    ),
    decode_head=dict(
        type='SETRUPHead',
        in_channels=1024,
        channels=256,
        in_index=3,
        num_classes=150,
        dropout_ratio=0,
        norm_cfg=norm_cfg,
        num_convs=4,
        up_scale=2,
        kernel_size=3,
        align_corners=False,
        loss_decode=dict(
            type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0
        ),
    ),
    auxiliary_head=[
        dict(
            type='SETRUPHead',
            in_channels=1024,
            channels=256,
            in_index=level,
            num_classes=150,
            dropout_ratio=0,
            norm_cfg=norm_cfg,
            act_cfg=dict(type='ReLU'),
            num_convs=2,
            kernel_size=3,
            align_corners=False,
            loss_decode=dict(
                type='CrossEntropyLoss', use_sigmoid=False, loss_weight=0.4
            ),
        )
        for level in range(3)
    ],
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=input_size, stride=(341, 341)),
)
