# Copyright (c) gps_seg contributors. Apache-2.0.
"""Save the task during training, as a small file."""
