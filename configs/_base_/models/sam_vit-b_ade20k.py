"""SAM with ViT-B/16 at 512 x 512: one mask for each of 150 classes.

weights/README.md has the command that makes the weights of 150 masks.
"""

_base_ = './sam_vit-b.py'

input_size = (512, 512)
weights = 'weights://sam-vit-base_150'

model = dict(
    data_preprocessor=dict(size=input_size),
    backbone=dict(img_size=input_size, init_cfg=dict(checkpoint=weights)),
    decode_head=dict(
        num_classes=150,
        out_channels=150,
        threshold=None,
        loss_decode=[dict(type='CrossEntropyLoss', avg_non_ignore=True)],
        init_cfg=dict(checkpoint=weights),
    ),
    test_cfg=dict(mode='slide', crop_size=input_size, stride=(341, 341)),
)
