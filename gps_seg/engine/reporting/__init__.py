# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a run leaves to be read and looked at."""
