"""As gps_sam_kvasir.py, at 512 x 512: a quarter of the tokens.

    python tools/train.py configs/sam_kvasir/gps_512.py --amp

The position embedding and the relative positions are interpolated.

Not run.
"""

_base_ = '../gps_sam_kvasir.py'

from gps_seg.engine.config.input_size import at_input_size

globals().update(at_input_size(_base_, _base_.input_size, (512, 512)))
