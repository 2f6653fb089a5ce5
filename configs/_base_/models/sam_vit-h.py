"""SAM with ViT-H/16 at 1024 x 1024: one mask, without a prompt."""

_base_ = './sam_vit-b.py'

weights = 'weights://sam-vit-huge'

model = dict(
    backbone=dict(arch='huge', init_cfg=dict(checkpoint=weights)),
    decode_head=dict(init_cfg=dict(checkpoint=weights)),
)
