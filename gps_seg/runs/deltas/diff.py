# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py diff``: where two deltas differ."""

from argparse import Namespace

from gps_seg.delta import Delta
from gps_seg.delta.reports.difference import (
    differences,
    differing_facts,
    format_differences,
)
from gps_seg.runs.deltas.base import base_of, names_base


def run(args: Namespace) -> str:
    """List the tensors and the facts that differ.

    Raises:
        ValueError: If a file is not a delta, or a base is needed and missing.
    """
    one, other = (Delta.load(path) for path in args.deltas)
    base = base_of(args, one.info.seed) if names_base(args) else None
    table = format_differences(differences(one, other, base))
    facts = differing_facts(one.info, other.info)
    return f'{table}\n\ninfo that differs: {", ".join(facts) or "none"}'
