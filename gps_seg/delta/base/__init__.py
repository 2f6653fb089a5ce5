# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check that a base is the one from which a delta was made."""
