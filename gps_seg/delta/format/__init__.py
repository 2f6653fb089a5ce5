# Copyright (c) gps_seg contributors. Apache-2.0.
"""The delta format: a text and named arrays in one safetensors file."""
