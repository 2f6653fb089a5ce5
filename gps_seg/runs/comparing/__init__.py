# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tuning methods compared on one config: plans, runs, costs."""
