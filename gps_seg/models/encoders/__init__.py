# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pretrained encoders by the names that people call them."""

from gps_seg.models.encoders.encoder import Encoder
from gps_seg.models.encoders.finding import encoder_names, find_encoder

__all__ = ['Encoder', 'encoder_names', 'find_encoder']
