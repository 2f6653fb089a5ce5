# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pictures of a test on several data sets, drawn from its summary."""
