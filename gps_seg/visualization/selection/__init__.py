# Copyright (c) gps_seg contributors. Apache-2.0.
"""Where selected connections lie."""
