# Copyright (c) gps_seg contributors. Apache-2.0.
"""Answers of several tasks on one base, without a page."""
