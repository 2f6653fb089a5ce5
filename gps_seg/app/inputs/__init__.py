# Copyright (c) gps_seg contributors. Apache-2.0.
"""Images and masks from users and from data sets, checked."""
