"""Which method? Flowers-102 at its official split, ViT-S/14 at 70 x 70.

    python tools/compare.py configs/studies/flowers.py \
        --methods bias 'gps random' gps --seeds 0 1 2

The test images choose nothing.

Expected: top-1 82.4 for GPS, 81.8 for as many random connections and 81.1 for
biases in bfloat16 (means of 3 seeds). See docs/classification.md.
"""

_base_ = ['../flowers/gps.py', '../_base_/methods.py']

# Tuned on a quarter of VTAB-1k's images; multiples of the config's 3e-3.
rates = {
    'bias': 1.0,
    'gps random': 1.0,
    'gps random unit': 0.3,
    'gps': 0.3,
    'gps decrement': 1.0,
}
