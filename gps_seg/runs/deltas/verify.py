# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py verify``: check that a delta is intact and fits a base."""

from argparse import Namespace

from gps_seg.delta import Delta
from gps_seg.delta.reports.verification import verify
from gps_seg.runs.deltas.base import base_of, names_base


def run(args: Namespace) -> str:
    """Check a delta, and compare it with a base if there is one.

    Raises:
        ValueError: If the delta is damaged or does not fit.
    """
    delta = Delta.load(args.delta)
    intact = f'{args.delta}: intact, {len(delta.changes)} tensors'
    if not names_base(args):
        return f'{intact}\nbase: not compared (give --base or --config)'
    return f'{intact}\nbase: {verify(base_of(args, delta.info.seed), delta)}'
