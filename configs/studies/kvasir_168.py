"""Kvasir-SEG at 168 x 168: 12 x 12 patches in place of 18 x 18, 200 steps.

    python tools/train.py configs/studies/kvasir_168.py --seed 0

Not run.
"""

_base_ = './kvasir_252.py'

from gps_seg.engine.config.input_size import at_input_size

globals().update(at_input_size(_base_, _base_.crop_size, (168, 168)))
