# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pictures of a comparison of methods, drawn from its summary."""
