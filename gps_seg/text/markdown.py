# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pieces of Markdown, and what is a name on the Hugging Face hub."""

import re
from collections.abc import Sequence
from typing import Any

from gps_seg.text.printable import on_one_line

HUB = 'https://huggingface.co'
_NAME = re.compile(r'[\w.-]+/[\w.-]+')
_WEIGHTS = ('.safetensors', '.pth', '.pt', '.bin', '.ckpt')


def code(text: Any) -> str:
    """Text as code, which nothing in it can end.

    Example:
        >>> code('a `b`')
        "`a 'b'`"
    """
    plain = ' '.join(str(text).replace('`', "'").split())
    return f'`{on_one_line(plain)}`'


def link(name: str, kind: str = '') -> str:
    """A link to what is on the hub; anything else as it is.

    Args:
        name: Perhaps ``owner/name``.
        kind: ``'datasets/'``, or nothing for a model.

    Example:
        >>> link('timm/vit')
        '[timm/vit](https://huggingface.co/timm/vit)'
        >>> link('our hospital')
        'our hospital'
    """
    return f'[{name}]({HUB}/{kind}{name})' if is_on_hub(name) else name


def is_on_hub(name: str) -> bool:
    """Whether it reads ``owner/name``, and is not the path of a file."""
    return _NAME.fullmatch(name) is not None and not name.endswith(_WEIGHTS)


def paragraphs(*texts: str | None) -> str:
    """Those that are not empty, with an empty line between them."""
    return '\n\n'.join(text for text in texts if text)


def table(rows: Sequence[Sequence[Any]]) -> str:
    """A table of a head and rows; numbers go to the right.

    Example:
        >>> print(table([('', 'bytes'), ('delta', 1024)]))
        |  | bytes |
        | --- | ---: |
        | delta | 1,024 |
    """
    head, *body = rows
    rule = ['---', *['---:'] * (len(head) - 1)]
    lines = [head, rule, *([_cell(c) for c in row] for row in body)]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _cell(value: Any) -> str:
    # A name may have what would begin another cell.
    text = str(value).replace('|', r'\|')
    return f'{value:,}' if isinstance(value, int) else text
