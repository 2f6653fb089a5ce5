# Copyright (c) gps_seg contributors. Apache-2.0.
"""Models that are ready to use, and hooks of a test."""
