# Copyright (c) gps_seg contributors. Apache-2.0.
"""The console output of a training or a test."""
