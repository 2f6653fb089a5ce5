# Copyright (c) gps_seg contributors. Apache-2.0.
"""Methods that add parameters to an encoder, in plain PyTorch."""
