# Copyright (c) gps_seg contributors. Apache-2.0.
"""One point, in a process of its own.

``python -m gps_seg.benchmark.growth.worker TASK RESULT`` runs a task of
:mod:`gps_seg.benchmark.growth.measuring`, given as JSON, and writes its
result.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gps_seg.benchmark.architectures import ENCODER, synthetic_loss
from gps_seg.benchmark.contender import Contender
from gps_seg.benchmark.counters import count_step
from gps_seg.benchmark.growth.hosts import build_host
from gps_seg.benchmark.memory import watch_peak
from gps_seg.benchmark.methods import METHODS
from gps_seg.benchmark.tasks.selecting import column_share, select_from
from gps_seg.benchmark.tasks.setting_up import chosen_in, synchronize
from gps_seg.benchmark.tasks.training import load_what_loads_late, seconds_of
from gps_seg.peft import weights_to_select
from gps_seg.sparse import Selection, gps_roles, running_sums
from gps_seg.sparse.scoring.running_sums import RunningSums
from gps_seg.sparse.summary import distinct_columns, fan_in

#: Timed steps of a point: at least so many, and on until the time is over.
LEAST_STEPS, MOST_STEPS, SECONDS = 3, 20, 2.0


def main() -> None:
    """Run the task and write the result."""
    task = json.loads(sys.argv[1])
    result = TASKS[task.pop('task')](**task)
    Path(sys.argv[2]).write_text(json.dumps(result), encoding='utf-8')


def measure(
    host: Mapping[str, Any],
    device: str,
    method: str,
    settings: Mapping[str, Any],
    selection: str | None,
) -> dict[str, Any]:
    """Time the steps of a method; measure its memory; count its bytes.

    Args:
        host: Arguments of :func:`~gps_seg.benchmark.growth.hosts.build_host`.
        device: Device to measure.
        method: Key of :data:`~gps_seg.benchmark.methods.METHODS`.
        settings: Settings of the method.
        selection: File of the selection of a method that needs one.
    """
    load_what_loads_late(torch.device(device))
    model, loss = _set_up(host, device)
    chosen = chosen_in(selection)
    peak = watch_peak(torch.device(device))
    contender = METHODS[method].build(model, loss, chosen, **settings)
    contender.step()
    result = {'seconds': _timed(contender), 'peak': peak.read()}
    counts = count_step(model, contender)
    return result | {
        'saved': counts.saved,
        'gradients': sum(counts.gradients),
        'state': sum(counts.optimizer_state),
        'num_threads': torch.get_num_threads(),
    }


def _timed(contender: Contender) -> list[float]:
    """Seconds of each timed step."""
    seconds: list[float] = []
    while len(seconds) < LEAST_STEPS or (
        sum(seconds) < SECONDS and len(seconds) < MOST_STEPS
    ):
        seconds.append(seconds_of(contender.step))
    return seconds


def select(
    host: Mapping[str, Any],
    device: str,
    images: int,
    ks: Sequence[int],
    files: Sequence[str],
) -> dict[str, Any]:
    """Time the pass over some images, and the selections from its sums.

    Args:
        host: Arguments of :func:`~gps_seg.benchmark.growth.hosts.build_host`.
        device: Device to measure.
        images: Number of images, one per batch.
        ks: Connections per neuron, one number per selection.
        files: Files of the selections, one for each k.
    """
    load_what_loads_late(torch.device(device))
    model, loss = _set_up(host, device)
    weights = weights_to_select(model, gps_roles(model, ENCODER))
    parameters = {name: owned.parameter for name, owned in weights.items()}
    loss().backward()  # warms up
    model.zero_grad()
    peak = watch_peak(torch.device(device))
    passes, sums = _pass(parameters, (loss() for _ in range(images)))
    facts = [
        {'k': k, 'seconds': seconds} | _facts(selection)
        for k, selection, seconds, _ in select_from(sums, weights, ks, files)
    ]
    return {
        'passes': passes,
        'peak': peak.read(),
        'parameters': sum(p.numel() for p in parameters.values()),
        'selections': facts,
        'num_threads': torch.get_num_threads(),
    }


def _pass(
    parameters: Mapping[str, nn.Parameter], losses: Iterator[Tensor]
) -> tuple[list[tuple[int, float]], RunningSums]:
    """Numbers of images and the seconds until then, and the last sums."""
    synchronize()
    start, passes = time.perf_counter(), []
    for sums in running_sums(parameters, losses, doublings=True):
        synchronize()
        passes.append((sums.num_batches, time.perf_counter() - start))
    return passes, sums


def _facts(selection: Selection) -> dict[str, Any]:
    """The number of entries, and of the columns that hold them."""
    columns = {
        name: (distinct_columns(indices, shape), fan_in(shape))
        for name, indices in selection.items()
        if len(shape := selection.shapes[name]) == 2
    }
    return {
        'num_selected': selection.num_selected,
        'column_share': column_share(selection),
        'columns': columns,
    }


def _set_up(
    host: Mapping[str, Any], device: str
) -> tuple[nn.Module, Callable[[], Tensor]]:
    model = build_host(**host).to(device)
    return model, synthetic_loss(model, host['size'], batch=1, seed=1)


TASKS: dict[str, Callable[..., Any]] = {'select': select, 'measure': measure}

if __name__ == '__main__':
    main()
