# Copyright (c) gps_seg contributors. Apache-2.0.
"""Fine-tune a pretrained segmentor by training only the weights that matter.

Nothing is imported here, so that ``gps_seg.sparse`` works with PyTorch alone.
"""

__version__ = '0.1.0'
