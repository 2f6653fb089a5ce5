# Copyright (c) gps_seg contributors. Apache-2.0.
"""From delta files to models and back: the commands of tools/delta.py."""
