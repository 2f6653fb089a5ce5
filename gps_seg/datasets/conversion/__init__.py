# Copyright (c) gps_seg contributors. Apache-2.0.
"""Conversion of a published archive into the folder that configs read."""
