"""What the paper does on all tasks of VTAB-1k: ViT-B/16 of ImageNet-21k.

A leaf names its task and the settings of that task.
"""

_base_ = [
    '../models/vit-b16_in21k_cls.py',
    '../datasets/vtab1k.py',
    '../schedules/fgvc_vtab.py',
    '../peft/gps_contrastive.py',
    '../classification_runtime.py',
]
