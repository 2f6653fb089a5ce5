# Copyright (c) gps_seg contributors. Apache-2.0.
"""Finished runs side by side: records, intervals, tables, agreement."""
