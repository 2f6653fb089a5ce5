"""SAM with ViT-L/16 at 1024 x 1024: one mask, without a prompt."""

_base_ = './sam_vit-b.py'

weights = 'weights://sam-vit-large'

model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint=weights)),
    decode_head=dict(init_cfg=dict(checkpoint=weights)),
)
