# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py extract``: a small delta from two full checkpoints."""

from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from gps_seg.additions import is_added, shapes_of
from gps_seg.delta import Delta, DeltaInfo, extract
from gps_seg.engine.checkpoint_check import CHECKPOINT_KEY
from gps_seg.models import read_checkpoint
from gps_seg.models.weight_files import read_tensors
from gps_seg.runs.deltas.base import base_model, base_tensors
from gps_seg.runs.deltas.new_file import save_new
from gps_seg.runs.launch import load_config

MB = 1e6


def run(args: Namespace) -> str:
    """Make a delta from two full checkpoints.

    Classes, palette, config and method are taken from the tuned checkpoint if
    it contains them. Without ``--config``, the text of the config is the one
    in the checkpoint, or else the base if it is a config.

    Returns:
        A report on the changes and the size of the file.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file has the wrong content, base and tuned weights do
            not belong together, or ``--new`` names no tensor.
    """
    tensors = read_tensors(args.tuned)
    info = facts_in(args.tuned)
    config = args.config
    if config is None and not info.config and args.base.suffix == '.py':
        config = args.base
    if config is not None:
        info = replace(info, config=load_config(str(config)).pretty_text)
    old = _base_state(args.base, args.prefix, info.seed)
    dropped = _within(args.new, tensors)
    old = {name: t for name, t in old.items() if name not in dropped}
    _check_added(info, old, tensors)
    _check_shapes(old, tensors)
    delta = extract(old, tensors, info)
    sizes = (save_new(delta, args.out), args.tuned.stat().st_size)
    total = sum(tensor.numel() for tensor in tensors.values())
    return (
        f'{args.out}: {_changes(delta, total)}\n{_sizes(*sizes)} of '
        f'{args.tuned}'
    )


def _base_state(
    base: Path, prefix: str, seed: int | None
) -> dict[str, Tensor]:
    if base.suffix == '.py':
        model = base_model(load_config(str(base)), seed)
        state: dict[str, Tensor] = model.state_dict()
        return state
    return base_tensors(base, prefix)


def facts_in(checkpoint: Path) -> DeltaInfo:
    """Classes, palette, config, method, seed and additions in a checkpoint.

    A palette that does not match the classes is left out.
    """
    if checkpoint.suffix == '.safetensors':
        return DeltaInfo()
    content = read_checkpoint(checkpoint)
    meta = _dict(content.get('meta'))
    # Checkpoints of MMSegmentation 0.x have capital letters.
    data = _dict(meta.get('dataset_meta')) or {
        key.lower(): value for key, value in meta.items() if key.isupper()
    }
    classes = _list(data.get('classes'))
    seed = meta.get('seed')
    palette = [
        tuple(map(int, colour)) for colour in _list(data.get('palette'))
    ]
    kept = _dict(content.get(CHECKPOINT_KEY))
    return DeltaInfo(
        classes=tuple(classes),
        palette=tuple(palette) if len(palette) == len(classes) else (),
        method=_dict(kept.get('method')),
        config=str(meta.get('cfg') or ''),
        seed=seed if isinstance(seed, int) else None,
        added=_list(kept.get('added')),
    )


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _dict(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _within(modules: Iterable[str], tensors: Mapping[str, Tensor]) -> set[str]:
    """Names of the tensors in some modules; a tensor may be named, too."""
    found: set[str] = set()
    for module in modules:
        inside = module.rstrip('.') + '.'
        names = {n for n in tensors if f'{n}.'.startswith(inside)}
        if not names:
            raise ValueError(
                f'--new: expected a module of the tuned model, got {module}; '
                f'there are {sorted({n.partition(".")[0] for n in tensors})}.'
            )
        found |= names
    return found


def _check_added(
    info: DeltaInfo, base: Mapping[str, Tensor], tuned: Mapping[str, Tensor]
) -> None:
    """Refuse a base with additions, and additions without their plan."""
    if any(map(is_added, base)):
        name = next(filter(is_added, base))
        raise ValueError(
            'base: expected a plain model, got one with modules that a method '
            f'added ({name}, ...). Merge them first: tools/delta.py merge.'
        )
    added = {name for name in tuned if is_added(name)}
    planned = shapes_of(info.plan, tuned).keys()
    if added != planned:
        name = min(added ^ planned)
        raise ValueError(
            'tuned: expected the plan of the modules that a method added, as '
            f'in a checkpoint of a run, got none for {name} ({len(added)} '
            'such tensors). Use the delta.safetensors that the run wrote, or '
            'merge them first: tools/delta.py merge.'
        )


def _check_shapes(
    base: Mapping[str, Tensor], tuned: Mapping[str, Tensor]
) -> None:
    others = [
        name
        for name, tensor in base.items()
        if name in tuned and tuned[name].shape != tensor.shape
    ]
    if others:
        name = others[0]
        raise ValueError(
            f'base: expected shape {tuple(tuned[name].shape)}, got '
            f'{tuple(base[name].shape)} ({name}; {len(others)} tensors '
            'differ). If it belongs to a head for other classes, add --new '
            f'{name.partition(".")[0]}; if the model resizes it when it is '
            'loaded, give the config as the base.'
        )


def _changes(delta: Delta, total: int) -> str:
    changed = sum(len(change.values) for change in delta.changes.values())
    whole = len(delta.changes) - len(delta.selection) - len(delta.new)
    return (
        f'{changed:,} of {total:,} entries ({changed / total:.3%}); tensors '
        f'changed in part: {len(delta.selection)}, whole: {whole}, new: '
        f'{len(delta.new)}'
    )


def _sizes(size: int, full: int) -> str:
    return f'{size / MB:.3f} MB, {size / full:.2%} of the {full / MB:.1f} MB'
