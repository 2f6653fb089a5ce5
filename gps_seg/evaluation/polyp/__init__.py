# Copyright (c) gps_seg contributors. Apache-2.0.
"""The measures of the polyp field, from the probability of the foreground."""
