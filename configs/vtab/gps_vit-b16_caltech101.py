"""GPS on VTAB-1k's caltech101, ViT-B/16 of ImageNet-21k.

    python tools/train.py configs/vtab/gps_vit-b16_caltech101.py

Not run.
"""

_base_ = '../_base_/recipes/vtab_vit-b16.py'

task = 'caltech101'
model = dict(head=dict(num_classes=102))
train_dataloader = dict(batch_size=16, dataset=dict(task=task))
test_dataloader = dict(dataset=dict(task=task))
optim_wrapper = dict(optimizer=dict(lr=2e-3))
