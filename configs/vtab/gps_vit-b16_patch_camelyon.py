"""GPS on VTAB-1k's patch_camelyon, ViT-B/16 of ImageNet-21k.

python tools/train.py configs/vtab/gps_vit-b16_patch_camelyon.py
"""

_base_ = [
    '../_base_/models/vit-b16_in21k_cls.py',
    '../_base_/datasets/vtab1k.py',
    '../_base_/schedules/fgvc_vtab.py',
    '../_base_/peft/gps_contrastive.py',
    '../_base_/classification_runtime.py',
]

task = 'patch_camelyon'
model = dict(
    backbone=dict(drop_path_rate=0.0),
    head=dict(num_classes=2),
)
train_dataloader = dict(batch_size=32, dataset=dict(task=task))
test_dataloader = dict(dataset=dict(task=task))
custom_hooks = [dict(_base_.custom_hooks[0], method=dict(type='gps', k=2))]
optim_wrapper = dict(optimizer=dict(lr=4e-3))
