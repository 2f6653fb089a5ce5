# Copyright (c) gps_seg contributors. Apache-2.0.
"""The work of the tools: training, testing, and everything on whole runs."""
