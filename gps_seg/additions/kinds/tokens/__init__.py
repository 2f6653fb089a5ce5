# Copyright (c) gps_seg contributors. Apache-2.0.
"""Kinds that add, refine or select tokens."""
