"""GPS on Stanford Dogs, Swin-B of ImageNet-21k at 224 x 224.

python tools/train.py configs/fgvc/gps_swin-b_dogs.py

The rates and k are those of ViT-B/16: the paper does not give its own.
"""

_base_ = [
    '../_base_/models/swin-b_in21k_cls_mixup.py',
    '../_base_/datasets/fgvc_dogs.py',
    '../_base_/schedules/fgvc_vtab.py',
    '../_base_/peft/gps_contrastive.py',
    '../_base_/classification_runtime.py',
]

num_classes = 120
model = dict(
    data_preprocessor=dict(num_classes=num_classes),
    backbone=dict(drop_path_rate=0.0),
    head=dict(num_classes=num_classes),
)
custom_hooks = [
    dict(_base_.custom_hooks[0], method=dict(type='gps', k=1)),
    dict(type='EMAHook', momentum=2e-4),
]
train_dataloader = dict(batch_size=64)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
