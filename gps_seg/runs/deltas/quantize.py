# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py quantize``: store the values of a delta in fewer bits."""

from argparse import Namespace

import torch

from gps_seg.delta import Delta, quantized, rounded
from gps_seg.runs.deltas.base import base_of
from gps_seg.runs.deltas.new_file import save_new


def run(args: Namespace) -> str:
    """Write a smaller delta.

    Raises:
        FileNotFoundError: If a file is missing.
        FileExistsError: If the result exists.
        ValueError: If neither ``--bits`` nor ``--half`` is given, or the base
            for ``--bits`` is missing or does not fit.
    """
    if args.bits is None and args.half is None:
        raise ValueError('quantize: expected --bits, --half or both, got none')
    result = Delta.load(args.delta)
    if args.bits is not None:
        base = base_of(args, result.info.seed)
        result = quantized(base, result, bits=args.bits, levels=args.levels)
    if args.half is not None:
        result = rounded(result, getattr(torch, args.half))
    size, before = save_new(result, args.out), args.delta.stat().st_size
    return f'{args.out}: {size:,} bytes, {size / before:.1%} of {before:,}'
