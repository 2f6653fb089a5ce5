# Copyright (c) gps_seg contributors. Apache-2.0.
"""Large counts in few characters."""


def short_count(number: int) -> str:
    """A count with all its digits, or in millions if it is that large.

    Example:
        >>> short_count(41_856), short_count(21_340_000)
        ('41,856', '21.3 M')
    """
    if number < 1_000_000:
        return f'{number:,}'
    return f'{number / 1e6:,.1f} M'
