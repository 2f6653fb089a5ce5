"""As methods_kvasir.py, with SAM's mask decoder on DINOv2's ViT-S/14.

    python tools/compare.py configs/studies/sam_head_kvasir.py \
        --methods linear bias full gps 'gps random' --seeds 0 \
        --rates 0.03 0.3 3 \
        --tune-with configs/studies/sam_head_kvasir_98.py

The decoder starts at random. Tested on ClinicDB and on damaged images, too.

Expected: image_mDice 87.3 for full tuning, 86.1 for random connections, 85.5
for GPS and 84.7 for biases (seed 0). See docs/sam.md.
"""

_base_ = './methods_kvasir.py'

rates = dict(_delete_=True)  # those of another head

model = dict(
    backbone=dict(out_indices=11),
    decode_head=dict(
        _delete_=True,
        type='SAMHead',
        in_channels=384,
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
    ),
)
