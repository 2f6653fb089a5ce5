# Copyright (c) gps_seg contributors. Apache-2.0.
"""The task as a small file, written while it is learned."""
