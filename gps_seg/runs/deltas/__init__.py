# Copyright (c) gps_seg contributors. Apache-2.0.
"""The commands of ``tools/delta.py``, one module each."""
