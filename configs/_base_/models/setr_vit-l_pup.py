"""SETR-PUP on ViT-L/16 for 150 classes at 512 x 512.

The model of MMSegmentation's ``setr_vit-l_pup_8xb2-160k_ade20k-512x512.py``,
but for what ``vit-p16_mmseg.py`` says.
"""

_base_ = './vit-p16_mmseg.py'

model = dict(
    backbone=dict(
        in_channels=3,
        embed_dims=1024,
        num_layers=24,
        num_heads=16,
        out_indices=(9, 14, 19, 23),
        norm_cfg=dict(requires_grad=True),
        interpolate_mode='bilinear',
        init_cfg=dict(checkpoint='weights://vit-large-p16_in21k'),
    ),
    decode_head=dict(
        type='SETRUPHead',
        in_channels=1024,
        channels=256,
        in_index=3,
        dropout_ratio=0,
        num_convs=4,
        up_scale=2,
        kernel_size=3,
    ),
    auxiliary_head=[
        dict(
            type='SETRUPHead',
            in_channels=1024,
            channels=256,
            in_index=level,
            num_classes=150,
            dropout_ratio=0,
            norm_cfg=_base_.norm_cfg,
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
    test_cfg=dict(
        mode='slide', crop_size=_base_.input_size, stride=(341, 341)
    ),
)
