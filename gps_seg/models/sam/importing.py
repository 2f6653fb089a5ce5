# Copyright (c) gps_seg contributors. Apache-2.0.
"""The only import of Hugging Face's transformers."""

from typing import Any

from gps_seg.stack import let_torchvision_import_beside_cpu_torch


def transformers_sam() -> tuple[Any, Any]:
    """Configs and modules of SAM, imported when they are first used.

    Raises:
        ImportError: If the library is not installed.
    """
    let_torchvision_import_beside_cpu_torch()
    try:
        from transformers.models.sam import (  # noqa: PLC0415  (optional)
            configuration_sam,
            modeling_sam,
        )
    except ImportError as error:
        raise ImportError(
            'SAMHead: expected the library transformers, which has the mask '
            f"decoder of SAM, got none ({error}). Run: pip install '.[sam]'"
        ) from None
    return configuration_sam, modeling_sam
