"""Rates of the encoder by method, as multiples of the rate of the head.

Tuned on held-out training images of Kvasir-SEG at 98 x 98 pixels, with a
DINOv2 ViT-S/14 and AdamW at 1e-3 for the head (docs/results.md). A start for
other data: the rate of one method differed by a factor of three between two
data sets.
"""

rates = {
    'linear': 10.0,
    'bias': 3.0,
    'norm': 30.0,
    'full': 0.03,
    'lora': 3.0,
    'adaptformer': 3.0,
    'vpt': 3.0,
    'ssf': 3.0,
    'spt_lora': 1.0,
    'paca': 1.0,
    'gps': 3.0,
    'gps random': 3.0,
    'gps decrement': 1.0,
}
