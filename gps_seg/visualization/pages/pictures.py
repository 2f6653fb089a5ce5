# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pictures as part of a page."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

#: A picture of more bytes is embedded as a JPEG: three such pictures, in
#: base64, still fit into a page of 5 MB.
MOST_BYTES = 1_000_000
_WIDTHS = (2400, 1800, 1200)  # in pixels, the first that is small enough
_QUALITY = 85


@dataclass(frozen=True)
class Picture:
    """A picture that is embedded in a page.

    Args:
        name: Name of its file.
        data: The picture as a ``data:`` address; empty if it is missing.
        width: Width in pixels.
        height: Height in pixels.
    """

    name: str
    data: str = ''
    width: int = 0
    height: int = 0


def embedded(path: Path) -> Picture:
    """Embed a PNG file; a missing or damaged one has no data.

    Args:
        path: File of the picture.

    Example:
        >>> embedded(Path('nowhere/curves.png'))
        Picture(name='curves.png', data='', width=0, height=0)
    """
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            if image.format != 'PNG':
                return Picture(path.name)
            width, height = image.size
            kind = 'png'
            if len(content) > MOST_BYTES:
                kind, content = 'jpeg', _smaller(image)
    # What Pillow raises for damaged and for enormous pictures.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Picture(path.name)
    text = base64.b64encode(content).decode('ascii')
    return Picture(
        path.name, f'data:image/{kind};base64,{text}', width, height
    )


def _smaller(image: Image.Image) -> bytes:
    """The picture on white as a JPEG, as wide as the limit allows."""
    full = image.convert('RGBA')
    white = Image.new('RGBA', full.size, 'white')
    flat = Image.alpha_composite(white, full).convert('RGB')
    for width in _WIDTHS:
        copy = flat.copy()
        copy.thumbnail((width, 4 * width))
        written = io.BytesIO()
        copy.save(written, 'JPEG', quality=_QUALITY)
        if written.tell() <= MOST_BYTES:
            break
    return written.getvalue()
