# Copyright (c) gps_seg contributors. Apache-2.0.
"""A folder of drawn polyps, and an encoder that trains on it in seconds."""

from own_photos import (  # noqa: F401  (fixtures)
    no_measurement,
    photos,
    small_encoder,
)
