"""GPS on VTAB-1k's patch_camelyon, ViT-B/16 of ImageNet-21k.

    python tools/train.py configs/vtab/gps_vit-b16_patch_camelyon.py

Not run.
"""

_base_ = '../_base_/recipes/vtab_vit-b16.py'

task = 'patch_camelyon'
model = dict(head=dict(num_classes=2))
train_dataloader = dict(batch_size=32, dataset=dict(task=task))
test_dataloader = dict(dataset=dict(task=task))
custom_hooks = [dict(_base_.custom_hooks[0], method=dict(type='gps', k=2))]
optim_wrapper = dict(optimizer=dict(lr=4e-3))
