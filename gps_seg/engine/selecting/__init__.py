# Copyright (c) gps_seg contributors. Apache-2.0.
"""The gradient pass over the training data, and what it needs."""
