# Copyright (c) gps_seg contributors. Apache-2.0.
"""Comparison of runs with several methods or settings."""
