"""GPS on Flowers-102, selected by the loss without a head.

    python tools/train.py configs/flowers/gps_contrastive.py --seed 0

Expected: top-1 81.0 and mean per class 82.6 on 1 core (Xeon without AMX,
float32); 0.57 % trained. The time was not recorded.
"""

_base_ = [
    '../_base_/recipes/flowers_vit-s14.py',
    '../_base_/datasets/flowers102_64.py',
    '../_base_/peft/gps_contrastive_70.py',
]
