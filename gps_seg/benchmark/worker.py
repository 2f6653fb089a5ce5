# Copyright (c) gps_seg contributors. Apache-2.0.
"""One visit to one method, in a process of its own.

``python -m gps_seg.benchmark.worker TASK RESULT`` runs a task of
:mod:`gps_seg.benchmark.rounds`, given as JSON, and writes its result.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from gps_seg.benchmark.architectures import (
    ENCODER,
    build_segmentor,
    synthetic_loss,
)
from gps_seg.benchmark.counters import count_step
from gps_seg.benchmark.inference import describe_tuned, flops_of
from gps_seg.benchmark.memory import watch_peak
from gps_seg.benchmark.methods import METHODS
from gps_seg.benchmark.settings import Settings
from gps_seg.peft import weights_to_select
from gps_seg.sparse import (
    Budget,
    Connections,
    Scores,
    Selection,
    gps_roles,
    running_sums,
)
from gps_seg.sparse.summary import distinct_columns, fan_in


def main() -> None:
    """Run the task and write the result."""
    task = json.loads(sys.argv[1])
    settings = Settings(**task.pop('settings'))
    result = TASKS[task.pop('task')](settings, **task)
    Path(sys.argv[2]).write_text(json.dumps(result), encoding='utf-8')


def select(
    settings: Settings, ks: Sequence[int], files: Sequence[str]
) -> list[dict[str, Any]]:
    """Select with one gradient pass over the batch; write one file per k."""
    model, loss = set_up(settings)
    weights = weights_to_select(model, gps_roles(model, ENCODER))
    budgets = [Budget('neuron', Connections(k)) for k in ks]
    for budget in budgets:
        budget.check(weights)
    parameters = {name: owned.parameter for name, owned in weights.items()}
    (sums,) = running_sums(parameters, iter([loss()]))
    scores = Scores('gradient', parameters, sums, seed=0)
    facts = []
    for k, budget, file in zip(ks, budgets, files, strict=True):
        selection, dead = budget.select(scores, weights)
        selection.save(file)
        facts.append(
            {
                'k': k,
                'hash': selection.hash,
                'num_selected': selection.num_selected,
                'silent_neurons': sum(dead.values()),
                'column_share': column_share(selection),
            }
        )
    return facts


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


def measure(
    settings: Settings,
    method: str,
    selection: str | None,
    count: bool,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Time the steps of a method; measure its memory; perhaps count."""
    if METHODS[method].requires is not None:
        importlib.import_module(METHODS[method].requires)
    device = torch.device(settings.device)
    load_what_loads_late(device)
    model, loss = set_up(settings)
    chosen = (
        Selection({}, {}) if selection is None else Selection.load(selection)
    )
    plain = flops_of(model.backbone, settings.size) if count else None
    peak = watch_peak(device)
    contender = METHODS[method].build(model, loss, chosen, **options)
    for _ in range(settings.warmup):
        contender.step()
    seconds = [seconds_of(contender.step) for _ in range(settings.steps)]
    result = {
        'seconds': seconds,
        'peak': peak.read(),
        'counts': None,
        'tuned_model': None,
        'num_threads': torch.get_num_threads(),
    }
    if plain is not None:
        result['counts'] = count_step(model, contender)
        result['tuned_model'] = describe_tuned(
            model, contender, flops_of(model.backbone, settings.size) / plain
        )
    return result


def set_up(settings: Settings) -> tuple[nn.Module, Callable[[], Tensor]]:
    """The segmentor on its device, and its loss over the batch."""
    model = build_segmentor(
        settings.arch, settings.size, settings.seed, settings.checkpoint
    ).to(settings.device)
    loss = synthetic_loss(
        model, settings.size, settings.batch, settings.seed + 1
    )
    return model, loss


def load_what_loads_late(device: torch.device) -> None:
    """Take a tiny step, so that lazy loading is not charged to a method."""
    layer = nn.Linear(8, 8).to(device)
    optimizer = AdamW(layer.parameters())
    layer(torch.ones(8, 8, device=device)).sum().backward()
    optimizer.step()


def seconds_of(step: Callable[[], None]) -> float:
    """Wall-clock seconds of one step, the GPU's work included."""
    synchronize()
    start = time.perf_counter()
    step()
    synchronize()
    return time.perf_counter() - start


def synchronize() -> None:
    """Wait for the GPU, if this process uses one."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


TASKS: dict[str, Callable[..., Any]] = {'select': select, 'measure': measure}

if __name__ == '__main__':
    main()
