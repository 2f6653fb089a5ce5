# Copyright (c) gps_seg contributors. Apache-2.0.
"""The demo on drawn polyps."""

from drawn_polyps import demo_config, polyps, settings  # noqa: F401
