# Copyright (c) gps_seg contributors. Apache-2.0.
"""Methods in which the training data decide where something is added."""
