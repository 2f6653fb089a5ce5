"""GPS on VTAB-1k's dsprites_loc, ViT-B/16 of ImageNet-21k.

    python tools/train.py configs/vtab/gps_vit-b16_dsprites_loc.py

Not run.
"""

_base_ = '../_base_/recipes/vtab_vit-b16.py'

task = 'dsprites_loc'
model = dict(head=dict(num_classes=16))
train_dataloader = dict(batch_size=32, dataset=dict(task=task))
test_dataloader = dict(dataset=dict(task=task))
optim_wrapper = dict(optimizer=dict(lr=7e-3))
