# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train the selected entries and nothing else, without a dense gradient."""
