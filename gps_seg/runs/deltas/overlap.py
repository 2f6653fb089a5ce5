# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py overlap``: which selected entries deltas have in common."""

from argparse import Namespace

from gps_seg.delta import Delta
from gps_seg.delta.reports.overlap import format_overlap, labels_of
from gps_seg.visualization import plot_overlap


def run(args: Namespace) -> str:
    """A table of common entries, and a picture of it if one is asked for.

    Raises:
        ValueError: If a file is no delta, or there are no two to compare.
    """
    deltas = [Delta.load(path) for path in args.deltas]
    labels = labels_of(args.deltas)
    table = format_overlap(deltas, labels)
    if args.out is None:
        return table
    return f'{table}\n\n{plot_overlap(deltas, labels, args.out)}'
