# Copyright (c) gps_seg contributors. Apache-2.0.
"""From the archive of a data set to the folder that the configs read."""
