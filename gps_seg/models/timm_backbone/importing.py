# Copyright (c) gps_seg contributors. Apache-2.0.
"""The only import of timm."""

from typing import Any

from gps_seg.stack import let_torchvision_import_beside_cpu_torch


def timm_library() -> Any:
    """The library, imported when it is first used.

    Raises:
        ImportError: If it is not installed.
    """
    let_torchvision_import_beside_cpu_torch()
    try:
        import timm  # noqa: PLC0415  (optional, and slow to import)
    except ImportError as error:
        raise ImportError(
            'timm: expected the library, which has this encoder, got none '
            f"({error}). Run: pip install 'gps-seg[encoders]'"
        ) from None
    return timm
