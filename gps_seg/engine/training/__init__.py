# Copyright (c) gps_seg contributors. Apache-2.0.
"""Training: a hook selects, and an optim wrapper trains only the selection."""
