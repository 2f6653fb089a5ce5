# Copyright (c) gps_seg contributors. Apache-2.0.
"""Reports on deltas: their content, differences and overlap."""
