"""GPS on ADE20K: SAM with ViT-B/16 at 512 x 512, one mask for each class.

    bash tools/dist_train.sh configs/ade20k/gps_sam_vit-b.py 8

160,000 steps of 16 images. weights/README.md says how to make the weights.

Not run.
"""

_base_ = [
    '../_base_/models/sam_vit-b_ade20k.py',
    '../_base_/recipes/ade20k_160k.py',
    '../_base_/peft/gps_k1.py',
]

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-4, weight_decay=0.01)
)
