# Copyright (c) gps_seg contributors. Apache-2.0.
"""Inside a training: the hook selects, the optim wrapper enforces."""
