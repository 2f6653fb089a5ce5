"""A ViT small enough for a laptop: 4 layers of width 128, patches of 8.

At 112 x 112 it sees 14 x 14 patches, about as many as DINOv2 ViT-S/14 sees
at 196 x 196. The head is that of the main model, on the last level alone.
"""

_base_ = './fcn_ce_dice.py'

crop_size = (112, 112)

model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        arch=dict(
            embed_dims=128,
            num_layers=4,
            num_heads=4,
            feedforward_channels=512,
        ),
        img_size=crop_size,
        patch_size=8,
    ),
    decode_head=dict(
        in_channels=128,
        in_index=0,
        channels=64,
        dropout_ratio=0.0,
    ),
)
