# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores of models on data sets, image by image."""
