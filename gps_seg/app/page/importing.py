# Copyright (c) gps_seg contributors. Apache-2.0.
"""The only import of Gradio."""

import os
from typing import Any


def import_gradio(folder: str | os.PathLike[str]) -> Any:
    """Gradio, set up so that nothing leaves the machine.

    Args:
        folder: Folder of uploaded files and pictures.

    Raises:
        ImportError: If the library is not installed, or is too old.
    """
    os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'
    os.environ['GRADIO_TEMP_DIR'] = str(folder)
    os.environ['HF_HUB_DISABLE_TELEMETRY'] = '1'
    try:
        import gradio  # noqa: PLC0415  (optional)
    except ImportError as error:
        raise ImportError(
            'app: expected the library gradio, which shows the page, got none '
            f"({error}). Run: pip install '.[app]'"
        ) from None
    return gradio
