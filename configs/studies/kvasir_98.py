"""Kvasir-SEG at 98 x 98: for comparisons of many runs on a laptop.

    python tools/train.py configs/studies/kvasir_98.py --seed 0

7 x 7 patches in place of 18 x 18, 200 steps. Scores lie far below those at
252 x 252; only their differences mean something.

Expected: image_mDice 66.7 (mean of 3 seeds); 1.29 % trained. The time was not
recorded. docs/selection.md compares five variants with five seeds.
"""

_base_ = './kvasir_252.py'

from gps_seg.engine.config.input_size import at_input_size

globals().update(at_input_size(_base_, _base_.crop_size, (98, 98)))
