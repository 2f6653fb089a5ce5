# Copyright (c) gps_seg contributors. Apache-2.0.
"""The few lines of a log that a user should see while a run goes on."""


class Announcement(str):
    """A message for the log that the console shows, too.

    It is logged as any other, ``logger.info(Announcement('...'))``; the
    console of :mod:`gps_seg.runs.console.screen` picks it out by its type.

    Example:
        >>> Announcement('Validation: batch 3/15')
        'Validation: batch 3/15'
    """

    __slots__ = ()
