# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write files and folders whole or not at all."""

from gps_seg.files.endings import CHECKPOINTS, DELTAS, PAGES, PICTURES
from gps_seg.files.new_folder import new_folder, require_new_or_empty
from gps_seg.files.whole import (
    replacing,
    require_new,
    write_bytes,
    write_json,
    write_text,
)

__all__ = [
    'CHECKPOINTS',
    'DELTAS',
    'PAGES',
    'PICTURES',
    'new_folder',
    'replacing',
    'require_new',
    'require_new_or_empty',
    'write_bytes',
    'write_json',
    'write_text',
]
