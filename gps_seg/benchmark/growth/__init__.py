# Copyright (c) gps_seg contributors. Apache-2.0.
"""How the costs of tuning grow: measured, fitted, and computed."""
