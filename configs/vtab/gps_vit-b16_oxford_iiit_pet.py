"""GPS on VTAB-1k's oxford_iiit_pet, ViT-B/16 of ImageNet-21k.

    python tools/train.py configs/vtab/gps_vit-b16_oxford_iiit_pet.py

Not run.
"""

_base_ = '../_base_/recipes/vtab_vit-b16.py'

task = 'oxford_iiit_pet'
model = dict(head=dict(num_classes=37))
train_dataloader = dict(batch_size=32, dataset=dict(task=task))
test_dataloader = dict(dataset=dict(task=task))
optim_wrapper = dict(optimizer=dict(lr=3e-3))
