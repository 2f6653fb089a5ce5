# Copyright (c) gps_seg contributors. Apache-2.0.
"""Methods that add something to a frozen encoder; each is one file."""
