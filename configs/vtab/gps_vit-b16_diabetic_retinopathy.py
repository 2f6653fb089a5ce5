"""GPS on VTAB-1k's diabetic_retinopathy, ViT-B/16 of ImageNet-21k.

    python tools/train.py configs/vtab/gps_vit-b16_diabetic_retinopathy.py

Not run.
"""

_base_ = '../_base_/recipes/vtab_vit-b16.py'

task = 'diabetic_retinopathy'
model = dict(
    backbone=dict(drop_path_rate=0.2),
    head=dict(num_classes=5),
)
train_dataloader = dict(batch_size=32, dataset=dict(task=task))
test_dataloader = dict(dataset=dict(task=task))
optim_wrapper = dict(optimizer=dict(lr=2e-3))
