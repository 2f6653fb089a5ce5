"""Kvasir-SEG as kvasir_seg.py, at 256 x 256: for patches of 16 pixels."""

_base_ = './kvasir_seg.py'

from gps_seg.engine.config.input_size import at_input_size

globals().update(at_input_size(_base_, _base_.crop_size, (256, 256)))
