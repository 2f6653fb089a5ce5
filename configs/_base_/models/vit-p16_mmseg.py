"""MMSegmentation's ViT with patches of 16 pixels, 150 classes at 512 x 512.

Two things differ from MMSegmentation's configs: the weights are loaded
strictly, and the patch embedding has the bias that it had in pre-training
(``patch_bias``), which MMSegmentation drops. Mean and standard deviation of
the images are MMSegmentation's; the weights were pre-trained with 127.5 for
both.
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
        drop_rate=0.0,
        norm_cfg=dict(type='LN', eps=1e-6),
        with_cls_token=True,
        init_cfg=dict(type='PretrainedViT'),
    ),
    decode_head=dict(
        num_classes=150,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(
            type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0
        ),
    ),
    train_cfg=dict(),
)
