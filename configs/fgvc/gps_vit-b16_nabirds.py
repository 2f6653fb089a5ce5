"""GPS on NABirds, ViT-B/16 of ImageNet-21k at 224 x 224.

    python tools/train.py configs/fgvc/gps_vit-b16_nabirds.py

Not run.
"""

_base_ = [
    '../_base_/models/vit-b16_in21k_cls.py',
    '../_base_/recipes/fgvc_nabirds.py',
]

model = _base_.model_settings
