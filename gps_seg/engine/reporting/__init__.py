# Copyright (c) gps_seg contributors. Apache-2.0.
"""Reports of a run: progress, numbers, environment, pictures."""
