"""GPS on VTAB-1k's Flowers-102 of 64 pixels, ViT-S/14 at 70 x 70.

    python tools/train.py configs/flowers/vtab_gps.py --seed 0

Expected: top-1 69.9 and mean per class 72.3 on 1 core (Xeon without AMX,
float32); 0.57 % trained. The time was not recorded.
"""

_base_ = [
    '../_base_/recipes/flowers_vit-s14.py',
    '../_base_/datasets/vtab_flowers102_64.py',
    '../_base_/peft/gps_k1.py',
]
