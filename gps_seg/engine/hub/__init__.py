# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tasks by their address: a file, a shared folder, or the Hugging Face hub."""
