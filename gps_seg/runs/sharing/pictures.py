# Copyright (c) gps_seg contributors. Apache-2.0.
"""The pictures of a model card."""

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from gps_seg.delta import Delta
from gps_seg.files.run_files import OVERLAYS_FILE, SELECTION_MAP_FILE
from gps_seg.files.shared_files import PREVIEW_FILE
from gps_seg.visualization import plot_selection

_NO_PICTURE = (
    *(UnidentifiedImageError, OSError, SyntaxError, ValueError),
    Image.DecompressionBombError,
)


def find_overlays(delta: Path) -> Path | None:
    """Find the picture of validation images that a run drew, if any.

    Args:
        delta: Delta file in the work directory of the run.

    Example:
        >>> find_overlays(Path('no/such/run/delta.safetensors')) is None
        True
    """
    found = delta.parent / OVERLAYS_FILE
    return found if found.is_file() else None


def read_png(path: Path) -> Image.Image:
    """Read only the pixels: metadata in a file may name places and people.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a PNG picture.
    """
    try:
        with Image.open(path) as image:
            kind = image.format
            image.load()
    except FileNotFoundError as err:
        raise FileNotFoundError(
            f'preview: expected a file, got nothing at {path}. Check the path.'
        ) from err
    except _NO_PICTURE as err:
        raise ValueError(
            f'preview: expected a PNG picture, got {err} ({path}).'
        ) from err
    if kind != 'PNG':
        raise ValueError(
            f'preview: expected a PNG picture, got {kind} ({path}). '
            'Convert it.'
        )
    kept = ('transparency',)
    image.info = {n: image.info[n] for n in kept if n in image.info}
    return image


def add_pictures(
    folder: Path, delta: Delta, preview: Image.Image | None
) -> dict[str, str]:
    """Write the preview, if there is one, and a picture of the selection.

    Args:
        folder: Existing folder.
        delta: Delta; without selected entries there is no second picture.
        preview: Picture for the head of the card, or None.

    Returns:
        Captions by name of the file, in the order of the card.
    """
    captions = {}
    if preview is not None:
        preview.save(folder / PREVIEW_FILE, format='PNG')
        captions[PREVIEW_FILE] = 'Preview'
    if delta.selection.num_selected:
        plot_selection(delta.selection, folder / SELECTION_MAP_FILE)
        captions[SELECTION_MAP_FILE] = 'Selected connections, by layer'
    return captions
