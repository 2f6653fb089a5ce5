# Copyright (c) gps_seg contributors. Apache-2.0.
"""The only import of Hugging Face's PEFT library below the engine."""

from typing import Any

from gps_seg.stack import let_torchvision_import_beside_cpu_torch


def peft_library() -> Any:
    """The library, imported when it is first used.

    Raises:
        ImportError: If it is not installed.
    """
    let_torchvision_import_beside_cpu_torch()
    try:
        import peft  # noqa: PLC0415  (optional, and slow to import)
    except ImportError as error:
        raise ImportError(
            'peft: expected the PEFT library of Hugging Face, which this '
            f"method uses, got none ({error}). Run: pip install 'peft>=0.21'"
        ) from None
    return peft
