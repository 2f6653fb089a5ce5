# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py overlap``: show the selected entries that deltas share."""

from argparse import Namespace

from gps_seg.delta import Delta
from gps_seg.delta.reports.overlap import format_overlap, labels_of
from gps_seg.visualization import plot_overlap


def run(args: Namespace) -> str:
    """Make a table of common entries, and draw it if ``--out`` is given.

    Raises:
        ValueError: If a file is not a delta, or there is only one.
    """
    deltas = [Delta.load(path) for path in args.deltas]
    labels = labels_of(args.deltas)
    table = format_overlap(deltas, labels)
    if args.out is None:
        return table
    return f'{table}\n\n{plot_overlap(deltas, labels, args.out)}'
