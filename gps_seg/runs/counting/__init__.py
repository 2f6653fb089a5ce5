# Copyright (c) gps_seg contributors. Apache-2.0.
"""How many values of a config's model a method would train."""
