# Copyright (c) gps_seg contributors. Apache-2.0.
"""Recompute a part of the forward pass in the backward pass."""
