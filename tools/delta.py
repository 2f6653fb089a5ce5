"""Look into, check, make, merge and combine deltas.

python tools/delta.py COMMAND --help tells what each command takes. A result
goes to a new file, never over an old one.
"""

import argparse
import json
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

import torch

from gps_seg.delta import Delta, quantized, rounded
from gps_seg.delta.reports.description import describe, format_description
from gps_seg.delta.reports.difference import (
    differences,
    differing_facts,
    format_differences,
)
from gps_seg.delta.reports.overlap import format_overlap, labels_of
from gps_seg.delta.reports.verification import verify
from gps_seg.files import require_new
from gps_seg.runs.deltas.command_line import delta_parser
from gps_seg.runs.deltas.new_file import DELTA_SUFFIX, save_new
from gps_seg.text.printable import printable


def part(name: str):
    """A module of the package that takes seconds to import, when needed."""
    return import_module(f'gps_seg.{name}')


def base_of(args: argparse.Namespace, delta: Delta):
    find_base = part('runs.deltas.base').find_base
    return find_base(args.base, args.config, args.prefix, delta.info.seed)


def has_base(args: argparse.Namespace) -> bool:
    return args.base is not None or args.config is not None


def info(args: argparse.Namespace) -> str:
    facts = describe(args.delta)
    if args.config:
        return facts['info']['config']
    if args.json:
        return json.dumps(facts, indent=2)
    return format_description(facts)


def check(args: argparse.Namespace) -> str:
    delta = Delta.load(args.delta)
    told = f'{args.delta}: whole and well-formed, {len(delta.changes)} tensors'
    if not has_base(args):
        return f'{told}\nbase: not compared (--base or --config)'
    return f'{told}\nbase: {verify(base_of(args, delta), delta)}'


def extract(args: argparse.Namespace) -> str:
    return part('runs.deltas.extract').extract_file(
        args.base,
        args.tuned,
        args.out,
        config=args.config,
        new=args.new,
        prefix=args.prefix,
    )


def merge(args: argparse.Namespace) -> str:
    merge_config = part('runs.deltas.merge').merge_config
    return merge_config(args.config, args.delta, args.out)


def apply(args: argparse.Namespace) -> str:
    apply_file = part('runs.deltas.merge').apply_file
    return apply_file(args.base, args.delta, args.out, prefix=args.prefix)


def diff(args: argparse.Namespace) -> str:
    one, other = (Delta.load(path) for path in args.deltas)
    base = base_of(args, one) if has_base(args) else None
    told = format_differences(differences(one, other, base))
    facts = differing_facts(one.info, other.info)
    return f'{told}\n\ninfo that differs: {", ".join(facts) or "none"}'


def combine(args: argparse.Namespace) -> str:
    require_new(args.out, DELTA_SUFFIX)
    deltas = [Delta.load(path) for path in args.deltas]
    commands = part('runs.deltas.merge')
    if args.alpha is None:
        head = position(args.head, args.deltas)
        result = commands.combine_tasks(
            base_of(args, deltas[0]), deltas, args.weights, head
        )
    elif len(deltas) == 1:
        base = base_of(args, deltas[0])
        result = commands.scale(base, deltas[0], args.alpha)
    else:
        raise ValueError(
            f'--alpha: expected one delta, got {len(deltas)}. Give --weights.'
        )
    size = save_new(result, args.out)
    return f'{args.out}: {len(result.changes)} tensors, {size:,} bytes'


def position(head: Path | None, deltas: list[Path]) -> int | None:
    if head is None:
        return None
    if head not in deltas:
        raise ValueError(
            f'--head: expected one of {", ".join(map(str, deltas))}, got '
            f'{head}.'
        )
    return deltas.index(head)


def overlap(args: argparse.Namespace) -> str:
    if args.out is not None:
        require_new(args.out, '.png')
    deltas = [Delta.load(path) for path in args.deltas]
    labels = labels_of(args.deltas)
    told = format_overlap(deltas, labels)
    if args.out is None:
        return told
    plot_overlap = part('visualization.delta_overlap').plot_overlap
    return f'{told}\n\n{plot_overlap(deltas, labels, args.out)}'


def quantize(args: argparse.Namespace) -> str:
    require_new(args.out, DELTA_SUFFIX)
    if args.bits is None and args.half is None:
        raise ValueError('quantize: expected --bits, --half or both.')
    result = Delta.load(args.delta)
    if args.bits is not None:
        result = quantized(
            base_of(args, result), result, bits=args.bits, levels=args.levels
        )
    if args.half is not None:
        result = rounded(result, getattr(torch, args.half))
    size, before = save_new(result, args.out), args.delta.stat().st_size
    return f'{args.out}: {size:,} bytes, {size / before:.1%} of {before:,}'


def sweep(args: argparse.Namespace) -> str:
    sweeps = part('runs.deltas.sweep')
    return sweeps.sweep_files(
        args.config,
        args.delta,
        args.out,
        alphas=args.alphas,
        metrics=args.metric,
        report=partial(print, flush=True),
    )


COMMANDS = {
    'info': info,
    'verify': check,
    'extract': extract,
    'merge': merge,
    'apply': apply,
    'diff': diff,
    'combine': combine,
    'overlap': overlap,
    'quantize': quantize,
    'sweep': sweep,
}


def main() -> int:
    args = delta_parser(__doc__).parse_args()
    try:
        print(printable(COMMANDS[args.command](args)))
    except (OSError, ValueError) as error:
        reason = ' '.join(str(error).split())
        print(f'delta.py {args.command}: {printable(reason)}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
