# Copyright (c) gps_seg contributors. Apache-2.0.
"""A test on data sets of other images: ``tools/test.py --unseen``."""
