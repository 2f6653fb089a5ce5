"""GPS on Stanford Dogs, ViT-B/16 of ImageNet-21k at 224 x 224.

    python tools/train.py configs/fgvc/gps_vit-b16_dogs.py

Not run.
"""

_base_ = [
    '../_base_/models/vit-b16_in21k_cls.py',
    '../_base_/recipes/fgvc_dogs.py',
]

model = _base_.model_settings
