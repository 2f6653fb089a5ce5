# Copyright (c) gps_seg contributors. Apache-2.0.
"""The only import of Hugging Face's huggingface_hub."""

from typing import Any


def hub_library() -> Any:
    """The library, imported when it is first used.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import huggingface_hub  # noqa: PLC0415  (optional, slow to import)
        from huggingface_hub import errors  # noqa: F401, PLC0415
    except ImportError as error:
        raise ImportError(
            'Hugging Face hub: expected the library huggingface_hub, got none '
            f"({error}). Run: pip install '.[hub]'"
        ) from None
    return huggingface_hub
