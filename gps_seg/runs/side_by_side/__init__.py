# Copyright (c) gps_seg contributors. Apache-2.0.
"""Runs of several methods or settings, one beside the other."""
