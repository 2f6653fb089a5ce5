# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check that a model is the base from which a delta was made."""
