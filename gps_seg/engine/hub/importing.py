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


def transport_errors(library: Any) -> tuple[type[Exception], ...]:
    """Kinds of errors when the hub cannot be reached.

    Versions of the library differ in what they send requests by, requests or
    httpx. The errors of both have a base in common with the library's own.

    Args:
        library: Result of :func:`hub_library`.
    """
    kinds = library.errors.HfHubHTTPError.__mro__
    return tuple(
        kind
        for kind in kinds
        if issubclass(kind, Exception) and kind is not Exception
    )
