# Copyright (c) gps_seg contributors. Apache-2.0.
"""The selections of a run, and settings that train as many values."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gps_seg.benchmark.architectures import ENCODER
from gps_seg.benchmark.inference import trained_in_encoder
from gps_seg.benchmark.methods import METHODS
from gps_seg.benchmark.settings import Settings
from gps_seg.benchmark.tasks.setting_up import set_up, synchronize
from gps_seg.peft import weights_to_select
from gps_seg.sparse import (
    Budget,
    Connections,
    Owned,
    Scores,
    Selection,
    gps_roles,
    running_sums,
)
from gps_seg.sparse.scoring.running_sums import RunningSums
from gps_seg.sparse.summary import distinct_columns, fan_in


class Selected(NamedTuple):
    """One selection of a run.

    Args:
        k: Connections per neuron.
        selection: The selection.
        seconds: Time in which it was made from the sums of the pass.
        num_dead: Number of neurons all of whose scores are zero.
    """

    k: int
    selection: Selection
    seconds: float
    num_dead: int


def select(
    settings: Settings, ks: Sequence[int], files: Sequence[str]
) -> list[dict[str, Any]]:
    """Select with one gradient pass over the batch; write one file per k."""
    model, loss = set_up(settings)
    weights = weights_to_select(model, gps_roles(model, ENCODER))
    for k in ks:
        _budget(k).check(weights)
    parameters = {name: owned.parameter for name, owned in weights.items()}
    (sums,) = running_sums(parameters, iter([loss()]))
    return [
        {
            'k': k,
            'hash': selection.hash,
            'num_selected': selection.num_selected,
            'silent_neurons': num_dead,
            'column_share': column_share(selection),
            'seconds_from_sums': seconds,
        }
        for k, selection, seconds, num_dead in select_from(
            sums, weights, ks, files
        )
    ]


def select_from(
    sums: RunningSums,
    weights: Mapping[str, Owned],
    ks: Sequence[int],
    files: Sequence[str],
) -> Iterator[Selected]:
    """Select once for each k, and write a file of each selection.

    Args:
        sums: Sums of the gradients of the weights.
        weights: Weights to select in, by name.
        ks: Connections per neuron, one number per selection.
        files: Files of the selections, one for each k.
    """
    parameters = {name: owned.parameter for name, owned in weights.items()}
    for k, file in zip(ks, files, strict=True):
        synchronize()
        start = time.perf_counter()
        scores = Scores('gradient', parameters, sums, seed=0)
        selection, dead = _budget(k).select(scores, weights)
        synchronize()
        seconds = time.perf_counter() - start
        selection.save(file)
        yield Selected(k, selection, seconds, sum(dead.values()))


def _budget(k: int) -> Budget:
    return Budget('neuron', Connections(k))


def column_share(selection: Selection) -> float:
    """Distinct selected columns of a matrix over its fan-in, mean of all.

    The cost of the selected entries' gradients depends on it.
    """
    shares = [
        distinct_columns(indices, shape) / fan_in(shape)
        for name, indices in selection.items()
        if len(shape := selection.shapes[name]) == 2
    ]
    return sum(shares) / max(len(shares), 1)


def match(
    settings: Settings, method: str, setting: str, selection: str
) -> dict[str, Any]:
    """Find the setting with which a method trains as many values as ours.

    Args:
        settings: Settings of the run.
        method: Key of :data:`~gps_seg.benchmark.methods.METHODS`.
        setting: Integer setting, whose every unit adds as many values.
        selection: File of the selection that ours trains.

    Returns:
        The setting, and the trained values of the encoder of both.
    """
    chosen = Selection.load(selection)

    def size(name: str, **options: int) -> int:
        model, loss = set_up(settings)
        contender = METHODS[name].build(model, loss, chosen, **options)
        return trained_in_encoder(contender)

    target = size('ours')
    value = closest(lambda value: size(method, **{setting: value}), target)
    return {
        'method': method,
        'setting': setting,
        'value': value,
        'trained': size(method, **{setting: value}),
        'trained_by_ours': target,
    }


def closest(size: Callable[[int], int], target: int) -> int:
    """The integer from 1 on whose size is closest to ``target``.

    Args:
        size: Function that grows by the same positive number per unit.
        target: Size to come close to.

    Example:
        >>> closest(lambda number: 3 + 10 * number, target=47)
        4
    """
    first, second = size(1), size(2)
    return max(1, round(1 + (target - first) / (second - first)))
