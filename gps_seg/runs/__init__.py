# Copyright (c) gps_seg contributors. Apache-2.0.
"""What stands on a whole run: the work of the tools."""
