# Copyright (c) gps_seg contributors. Apache-2.0.
"""The pass over the training data that selects connections."""
