# Copyright (c) gps_seg contributors. Apache-2.0.
"""A comparison of tuning methods: what runs, by which rules, and where."""
