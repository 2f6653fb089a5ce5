# Copyright (c) gps_seg contributors. Apache-2.0.
"""What runs inside a training: the hook that selects, the wrapper that enforces."""
