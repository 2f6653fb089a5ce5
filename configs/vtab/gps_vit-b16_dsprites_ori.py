"""GPS on VTAB-1k's dsprites_ori, ViT-B/16 of ImageNet-21k.

    python tools/train.py configs/vtab/gps_vit-b16_dsprites_ori.py

Not run.
"""

_base_ = '../_base_/recipes/vtab_vit-b16.py'

task = 'dsprites_ori'
model = dict(
    backbone=dict(drop_path_rate=0.2),
    head=dict(num_classes=16),
)
train_dataloader = dict(batch_size=16, dataset=dict(task=task))
test_dataloader = dict(dataset=dict(task=task))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
