# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the variants of a comparison cost, measured side by side."""
