# Copyright (c) gps_seg contributors. Apache-2.0.
"""Images with labels: overlays, grids, strips, contact sheets."""
