"""GPS on VTAB-1k's clevr_count, ViT-B/16 of ImageNet-21k.

    python tools/train.py configs/vtab/gps_vit-b16_clevr_count.py

Not run.
"""

_base_ = '../_base_/recipes/vtab_vit-b16.py'

task = 'clevr_count'
model = dict(
    backbone=dict(drop_path_rate=0.1),
    head=dict(num_classes=8),
)
train_dataloader = dict(batch_size=16, dataset=dict(task=task))
test_dataloader = dict(dataset=dict(task=task))
optim_wrapper = dict(optimizer=dict(lr=3e-4))
