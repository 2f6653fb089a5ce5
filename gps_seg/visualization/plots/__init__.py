# Copyright (c) gps_seg contributors. Apache-2.0.
"""Plots of numbers: curves, comparisons, sweeps."""
