# Copyright (c) gps_seg contributors. Apache-2.0.
"""What people read of deltas: their content, differences and overlap."""
