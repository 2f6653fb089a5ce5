"""GPS on Stanford Cars, ViT-B/16 of ImageNet-21k at 224 x 224.

python tools/train.py configs/fgvc/gps_vit-b16_cars.py
"""

_base_ = [
    '../_base_/models/vit-b16_in21k_cls_mixup.py',
    '../_base_/datasets/fgvc_cars.py',
    '../_base_/schedules/fgvc_vtab.py',
    '../_base_/peft/gps_contrastive.py',
    '../_base_/classification_runtime.py',
]

num_classes = 196
model = dict(
    data_preprocessor=dict(num_classes=num_classes),
    backbone=dict(drop_path_rate=0.0),
    head=dict(num_classes=num_classes),
)
custom_hooks = [
    dict(_base_.custom_hooks[0], method=dict(type='gps', k=15)),
    dict(type='EMAHook', momentum=2e-4),
]
optim_wrapper = dict(optimizer=dict(lr=5e-4))
