# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a training or a test shows on the console."""
