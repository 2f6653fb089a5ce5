# Copyright (c) gps_seg contributors. Apache-2.0.
"""The few lines of a log that a user should see during a run."""


class Announcement(str):
    """A log message that is also shown on the console.

    It is logged like any other, ``logger.info(Announcement('...'))``. The
    console of :mod:`gps_seg.runs.console.screen` recognises it by its type.

    Example:
        >>> Announcement('Validation: batch 3/15')
        'Validation: batch 3/15'
    """

    __slots__ = ()
