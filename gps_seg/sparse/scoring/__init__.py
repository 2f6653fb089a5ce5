# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores: how important every entry of a weight is."""
