# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write the values of deltas into a model, and restore the base."""
