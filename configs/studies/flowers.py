"""Which method? Flowers-102 at its official split, ViT-S/14 at 70 x 70.

    python tools/compare.py configs/studies/flowers.py \
        --methods bias 'gps random' gps --rates 0.3 1 3 10 --seeds 0 1 2

The test images choose nothing.

Not run.
"""

_base_ = ['../flowers/gps.py', '../_base_/methods.py']
