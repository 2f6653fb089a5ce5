# Copyright (c) gps_seg contributors. Apache-2.0.
"""The demo: one base, three hospitals, two deltas."""
