# Copyright (c) gps_seg contributors. Apache-2.0.
"""Export a segmentor to a file that needs no MMSegmentation, or no torch."""

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.export.exporting import (
    TOLERANCE,
    Agreement,
    export_segmentor,
    require_exportable,
)
from gps_seg.export.image_to_logits import ImageToLogits
from gps_seg.export.interface import METADATA_KEY, Interface, interface_of

__all__ = [
    'METADATA_KEY',
    'TOLERANCE',
    'Agreement',
    'ImageToLogits',
    'Interface',
    'export_segmentor',
    'interface_of',
    'require_exportable',
]
