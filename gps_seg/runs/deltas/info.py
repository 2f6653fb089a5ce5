# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py info``: show what is in a delta."""

import json
from argparse import Namespace

from gps_seg.delta.reports.description import describe, format_description


def run(args: Namespace) -> str:
    """Return the config in a delta, or all facts as text or JSON."""
    facts = describe(args.delta)
    if args.config:
        config: str = facts['info']['config']
        return config
    if args.json:
        return json.dumps(facts, indent=2)
    return format_description(facts)
