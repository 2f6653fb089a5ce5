# Copyright (c) gps_seg contributors. Apache-2.0.
"""Overview of the data sets of a config, before a run of hours is started."""
