# Copyright (c) gps_seg contributors. Apache-2.0.
"""What one process of a run measures; see ``gps_seg.benchmark.worker``."""
