# Copyright (c) gps_seg contributors. Apache-2.0.
"""Texts out of a stranger's file, fit for a terminal."""


def printable(text: str) -> str:
    """Spell out what would steer a terminal; line ends and tabs stay."""
    return ''.join(
        letter if letter.isprintable() or letter in '\n\t' else _spelt(letter)
        for letter in text
    )


def on_one_line(text: str) -> str:
    """Spell out line ends and tabs as well."""
    return ''.join(
        letter if letter.isprintable() else _spelt(letter) for letter in text
    )


def _spelt(letter: str) -> str:
    return ascii(letter)[1:-1]
