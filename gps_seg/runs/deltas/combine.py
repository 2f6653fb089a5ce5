# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py combine``: sum several deltas, or scale a single one."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gps_seg.delta import Delta, DeltaInfo, combine, scaled
from gps_seg.delta.attaching import require_nothing_added
from gps_seg.delta.base.sources import Source
from gps_seg.runs.deltas.base import base_of
from gps_seg.runs.deltas.new_file import save_new


def run(args: Namespace) -> str:
    """Write the weighted sum of several deltas, or a scaled single one.

    Raises:
        FileNotFoundError: If a file is missing.
        FileExistsError: If the result exists.
        ValueError: If the options or the deltas do not fit each other, or the
            deltas do not fit the base.
    """
    if args.alpha is not None and len(args.deltas) != 1:
        raise ValueError(
            f'--alpha: expected one delta, got {len(args.deltas)}. Use '
            '--weights for several.'
        )
    head = _position(args.head, args.deltas)
    deltas = [Delta.load(path) for path in args.deltas]
    base = base_of(args, deltas[0].info.seed)
    if args.alpha is None:
        result = combine_tasks(base, deltas, args.weights, head)
    else:
        result = scale(base, deltas[0], args.alpha)
    size = save_new(result, args.out)
    return f'{args.out}: {len(result.changes)} tensors, {size:,} bytes'


def _position(head: Path | None, deltas: Sequence[Path]) -> int | None:
    if head is None:
        return None
    if head not in deltas:
        raise ValueError(
            f'--head: expected one of {", ".join(map(str, deltas))}, got '
            f'{head}.'
        )
    return deltas.index(head)


def scale(base: Source, delta: Delta, alpha: float) -> Delta:
    """Scale a delta, and record ``alpha`` in its info.

    Args:
        base: Model or state dict that the delta belongs to.
        delta: Delta to scale.
        alpha: Factor; 0 gives the base, 1 the tuned model.

    Raises:
        ValueError: See :func:`~gps_seg.delta.scaled`.
    """
    result = scaled(base, delta, alpha)
    method = {**delta.info.method, 'alpha': alpha}
    return replace(result, info=replace(result.info, method=method))


def combine_tasks(
    base: Source,
    deltas: Sequence[Delta],
    weights: Sequence[float],
    head: int | None = None,
) -> Delta:
    """Sum deltas with weights, and record weights and methods in the info.

    Args:
        base: Model or state dict that all deltas belong to.
        deltas: Deltas of the tasks.
        weights: Weight of each delta.
        head: Position of the delta whose new tensors (head), classes and
            config the result gets; None if the new tensors are all the same.

    Raises:
        ValueError: See :func:`~gps_seg.delta.combine`.
    """
    require_nothing_added('combine', *deltas)
    facts = deltas[head or 0].info
    same_classes = len({delta.info.classes for delta in deltas}) == 1
    if head is None and not same_classes:
        facts = replace(facts, classes=(), palette=(), config='')
    seeds = {delta.info.seed for delta in deltas}
    info = DeltaInfo(
        classes=facts.classes,
        palette=facts.palette,
        config=facts.config,
        method={
            'type': 'combine',
            'weights': list(weights),
            'methods': [dict(delta.info.method) for delta in deltas],
        },
        seed=seeds.pop() if len(seeds) == 1 else None,
        base=facts.base,
    )
    if head is not None:
        deltas = [
            delta if position == head else delta.without_new()
            for position, delta in enumerate(deltas)
        ]
    return combine(base, deltas, weights, info)
