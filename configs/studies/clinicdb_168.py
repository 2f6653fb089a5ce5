"""CVC-ClinicDB by video at 168 x 168 in 200 steps, with Kvasir-SEG unseen.

    python tools/train.py configs/studies/clinicdb_168.py --seed 0

Expected: image_mDice 74.5 for GPS with its recipe, 72.5 for biases and 70.5
for as many random connections (means of 3 seeds). See docs/selection.md.
"""

_base_ = './clinicdb_252.py'

from gps_seg.engine.config.input_size import at_input_size

globals().update(at_input_size(_base_, _base_.crop_size, (168, 168)))
