# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read configs: from files, from packages, and as data that runs no code."""
