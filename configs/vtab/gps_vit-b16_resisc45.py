"""GPS on VTAB-1k's resisc45, ViT-B/16 of ImageNet-21k.

    python tools/train.py configs/vtab/gps_vit-b16_resisc45.py

Not run.
"""

_base_ = '../_base_/recipes/vtab_vit-b16.py'

task = 'resisc45'
model = dict(
    backbone=dict(drop_path_rate=0.1),
    head=dict(num_classes=45),
)
train_dataloader = dict(batch_size=16, dataset=dict(task=task))
test_dataloader = dict(dataset=dict(task=task))
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
