# Copyright (c) gps_seg contributors. Apache-2.0.
"""Deltas into full checkpoints, and several deltas into one.

What reads and writes files checks the name of its result first, and tells in
a few words what came of it.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gps_seg.delta import (
    Delta,
    DeltaInfo,
    apply,
    combine,
    merged_state,
    scaled,
)
from gps_seg.delta.base.sources import Source
from gps_seg.engine.saving.plain_checkpoint import (
    CHECKPOINT_SUFFIXES,
    checkpoint_meta,
    write_checkpoint,
)
from gps_seg.files import require_new
from gps_seg.runs.deltas.base import base_model, base_tensors
from gps_seg.runs.launch import load_config


def merge_config(config_file: Path, delta_file: Path, out: Path) -> str:
    """Build the base by a config, put a delta on it, write all weights.

    Raises:
        FileNotFoundError: If a file is missing.
        FileExistsError: If ``out`` is there.
        ValueError: If a file is not what it should be, or the config builds
            another model than the base of the delta.
    """
    require_new(out, *CHECKPOINT_SUFFIXES)
    delta = Delta.load(delta_file)
    config = load_config(str(config_file))
    model = base_model(config, delta.info.seed)
    apply(model, delta)
    meta = checkpoint_meta(delta.info, model.dataset_meta, config.pretty_text)
    return _written(out, write_checkpoint(out, model.state_dict(), meta))


def apply_file(
    base: Path, delta_file: Path, out: Path, *, prefix: str = ''
) -> str:
    """Put a delta on the weights in a file, and write the result.

    Raises:
        FileNotFoundError: If a file is missing.
        FileExistsError: If ``out`` is there.
        ValueError: If a file is not what it should be, or the weights are
            not the base of the delta.
    """
    require_new(out, *CHECKPOINT_SUFFIXES)
    delta = Delta.load(delta_file)
    merged = merged_state(base_tensors(base, prefix), delta)
    meta = checkpoint_meta(delta.info)
    return _written(out, write_checkpoint(out, merged, meta))


def scale(base: Source, delta: Delta, alpha: float) -> Delta:
    """:func:`~gps_seg.delta.scaled`, with ``alpha`` in the info."""
    result = scaled(base, delta, alpha)
    method = {**delta.info.method, 'alpha': alpha}
    return replace(result, info=replace(result.info, method=method))


def combine_tasks(
    base: Source,
    deltas: Sequence[Delta],
    weights: Sequence[float],
    head: int | None = None,
) -> Delta:
    """The weighted sum of deltas, named in its info.

    Args:
        base: Model or state dict that all were made from.
        deltas: The tasks.
        weights: One per delta.
        head: Position of the delta whose new tensors (its head), classes and
            config the result has; None if all agree on the new tensors.

    Raises:
        ValueError: As :func:`~gps_seg.delta.combine`.
    """
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
    )
    if head is not None:
        deltas = [
            delta if position == head else delta.without_new()
            for position, delta in enumerate(deltas)
        ]
    return combine(base, deltas, weights, info)


def _written(out: Path, size: int) -> str:
    return f'{out}: {size / 1e6:.1f} MB'
