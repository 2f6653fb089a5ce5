# Copyright (c) gps_seg contributors. Apache-2.0.
"""Kinds that change the features of a module."""
