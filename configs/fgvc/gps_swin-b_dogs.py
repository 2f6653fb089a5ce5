"""GPS on Stanford Dogs, Swin-B of ImageNet-21k at 224 x 224.

    python tools/train.py configs/fgvc/gps_swin-b_dogs.py

The rates and k are those of ViT-B/16: the paper gives none for this backbone.

Not run.
"""

_base_ = [
    '../_base_/models/swin-b_in21k_cls.py',
    '../_base_/recipes/fgvc_dogs.py',
]

model = _base_.model_settings
