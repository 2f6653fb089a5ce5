# Copyright (c) gps_seg contributors. Apache-2.0.
"""Methods that train whole parameters and select no entries."""
