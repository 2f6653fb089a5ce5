# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a checkpoint holds of a tuning, so that a run can go on.

Tensors and plain values alone: a file that is read without running code.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from gps_seg.engine.checkpoint_check import CHECKPOINT_KEY
from gps_seg.peft import Trainable
from gps_seg.sparse import Selection


def keep(
    method: Mapping[str, Any], selection: Selection, trainable: Trainable
) -> dict[str, Any]:
    """What to keep beside the weights and the state of the optimizer.

    Args:
        method: Type and settings.
        selection: Entries that train.
        trainable: What trains, in the form that trains.
    """
    return {
        'method': method,
        'indices': dict(selection),
        'shapes': {n: tuple(s) for n, s in selection.shapes.items()},
        'gradients': _gradients(trainable),
        'starts': {n: start.cpu() for n, start in trainable.starts.items()},
        'values': _values(trainable),
    }


def kept_by(
    checkpoint: Mapping[str, Any], method: Mapping[str, Any]
) -> dict[str, Any]:
    """What :func:`keep` put into a checkpoint.

    Raises:
        ValueError: If that is nothing, or of another method.
    """
    kept: dict[str, Any] | None = checkpoint.get(CHECKPOINT_KEY)
    if kept is None:
        raise ValueError(
            f"resume: expected a checkpoint with a '{CHECKPOINT_KEY}' entry, "
            'got one of a run without PeftHook, or from before it selected. '
            'Use load_from to start from its weights.'
        )
    if kept['method'] != method:
        raise ValueError(
            f'resume: expected method {method} (PeftHook), got a checkpoint '
            f'of {kept["method"]}. Resume with the config that the run was '
            'started with.'
        )
    return kept


def restore(trainable: Trainable, kept: Mapping[str, Any]) -> None:
    """Put gradients, starts and values where they were.

    The values follow the weights when these are loaded, but for the bits that
    the weights have no room for.
    """
    for parameter, name in trainable.names.items():
        if name in kept['gradients']:
            trained = trainable.form[parameter]
            trained.grad = kept['gradients'][name].to(trained)
    for name, start in kept.get('starts', {}).items():
        trainable.starts[name].copy_(start)
    for name, values in kept.get('values', {}).items():
        trainable.selected[name].values.detach().copy_(values)


def _gradients(trainable: Trainable) -> dict[str, Tensor]:
    """What was gathered for a step that is still to come."""
    return {
        name: trainable.form[parameter].grad.cpu()
        for parameter, name in trainable.names.items()
        if trainable.form[parameter].grad is not None
    }


def _values(trainable: Trainable) -> dict[str, Tensor]:
    """Values that are more precise than the weights that hold them."""
    return {
        name: entries.values.detach().cpu()
        for name, entries in trainable.selected.items()
        if entries.values.dtype != entries.weight.dtype
    }
