# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the data sets of a config hold, before a run of hours is started."""
