# Copyright (c) gps_seg contributors. Apache-2.0.
"""Whether a base is the one that a delta was made from."""
