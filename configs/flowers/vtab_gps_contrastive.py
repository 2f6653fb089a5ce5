"""GPS on VTAB-1k's Flowers-102, selected by the loss without a head.

    python tools/train.py configs/flowers/vtab_gps_contrastive.py --seed 0

Expected: top-1 68.7 and mean per class 71.4 on 1 core (Xeon without AMX,
float32); 0.57 % trained. The time was not recorded.
"""

_base_ = [
    '../_base_/recipes/flowers_vit-s14.py',
    '../_base_/datasets/vtab_flowers102_64.py',
    '../_base_/peft/gps_contrastive_70.py',
]
