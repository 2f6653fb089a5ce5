"""GPS on VTAB-1k's cifar, ViT-B/16 of ImageNet-21k.

    python tools/train.py configs/vtab/gps_vit-b16_cifar.py

Not run.
"""

_base_ = '../_base_/recipes/vtab_vit-b16.py'

task = 'cifar'
model = dict(head=dict(num_classes=100))
train_dataloader = dict(batch_size=32, dataset=dict(task=task))
test_dataloader = dict(dataset=dict(task=task))
optim_wrapper = dict(optimizer=dict(lr=1e-2))
