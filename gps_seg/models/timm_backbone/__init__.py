# Copyright (c) gps_seg contributors. Apache-2.0.
"""Encoders of timm as backbones of MMSegmentation."""
