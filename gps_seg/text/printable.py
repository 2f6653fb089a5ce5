# Copyright (c) gps_seg contributors. Apache-2.0.
"""Text from an unknown file, made safe for a terminal."""


def printable(text: str) -> str:
    r"""Escape characters that control a terminal; line ends and tabs stay.

    Example:
        >>> print(printable('polyp\x1b[2J'))
        polyp\x1b[2J
    """
    return ''.join(
        letter if letter.isprintable() or letter in '\n\t' else _spelt(letter)
        for letter in text
    )


def on_one_line(text: str) -> str:
    r"""Escape characters that control a terminal, line ends and tabs.

    Example:
        >>> print(on_one_line('polyp\nyes'))
        polyp\nyes
    """
    return ''.join(
        letter if letter.isprintable() else _spelt(letter) for letter in text
    )


def _spelt(letter: str) -> str:
    return ascii(letter)[1:-1]
