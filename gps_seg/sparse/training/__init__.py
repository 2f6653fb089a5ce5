# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train only the selected entries, without a dense gradient."""
