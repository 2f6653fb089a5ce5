# Copyright (c) gps_seg contributors. Apache-2.0.
"""Methods that select entries of the weights of the encoder."""
