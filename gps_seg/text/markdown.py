# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pieces of Markdown, and names on the Hugging Face hub."""

import re
from collections.abc import Sequence
from typing import Any

from gps_seg.text.cells import cell_text, is_numeric
from gps_seg.text.printable import on_one_line

HUB = 'https://huggingface.co'
_NAME = re.compile(r'[\w.-]+/[\w.-]+')
_WEIGHTS = ('.safetensors', '.pth', '.pt', '.bin', '.ckpt')


def code(text: Any) -> str:
    """Text as inline code; backticks in it become quotes.

    Example:
        >>> code('a `b`')
        "`a 'b'`"
    """
    plain = ' '.join(str(text).replace('`', "'").split())
    return f'`{on_one_line(plain)}`'


def link(name: str, kind: str = '') -> str:
    """A link to a repository of the hub; any other text is unchanged.

    Args:
        name: Repository as ``owner/name``, or any other text.
        kind: ``'datasets/'``, or empty for a model.

    Example:
        >>> link('timm/vit')
        '[timm/vit](https://huggingface.co/timm/vit)'
        >>> link('our hospital')
        'our hospital'
    """
    return f'[{name}]({HUB}/{kind}{name})' if is_on_hub(name) else name


def is_on_hub(name: str) -> bool:
    """Whether a text has the form ``owner/name`` and is not a weight file.

    Example:
        >>> is_on_hub('timm/vit'), is_on_hub('weights/vit.safetensors')
        (True, False)
    """
    return _NAME.fullmatch(name) is not None and not name.endswith(_WEIGHTS)


def paragraphs(*texts: str | None) -> str:
    r"""Join texts by empty lines; empty texts are left out.

    Example:
        >>> paragraphs('# Title', '', None, 'Text.')
        '# Title\n\nText.'
    """
    return '\n\n'.join(text for text in texts if text)


def table(rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; numbers are aligned on the right, words on the left.

    Args:
        rows: Head of the table, then its rows; all of the same length.

    Example:
        >>> print(table([('', 'bytes'), ('delta', 1024)]))
        |  | bytes |
        | --- | ---: |
        | delta | 1,024 |
    """
    # A bar in a name would begin another cell.
    head, *body = (
        [cell_text(value).replace('|', r'\|') for value in row] for row in rows
    )
    columns = list(zip(*body, strict=True)) or [()] * len(head)
    rule = ['---:' if is_numeric(column) else '---' for column in columns]
    lines = [head, rule, *body]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
