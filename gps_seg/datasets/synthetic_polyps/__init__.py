# Copyright (c) gps_seg contributors. Apache-2.0.
"""Polyp-like images with exact masks, drawn by formula; no download."""

from gps_seg.datasets.synthetic_polyps.domains import DOMAINS, Domain
from gps_seg.datasets.synthetic_polyps.render import (
    image_rng,
    render_polyp_image,
)
from gps_seg.datasets.synthetic_polyps.writer import (
    ensure_dataset,
    write_dataset,
)

__all__ = [
    'DOMAINS',
    'Domain',
    'ensure_dataset',
    'image_rng',
    'render_polyp_image',
    'write_dataset',
]
