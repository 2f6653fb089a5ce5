# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores of the importance of every entry of a weight."""
