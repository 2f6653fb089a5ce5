# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pictures of selected connections and their places in a network."""
