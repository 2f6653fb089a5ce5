# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a step of ours costs whatever the number of tokens."""

import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from gps_seg.benchmark.architectures import ENCODER
from gps_seg.benchmark.contender import LEARNING_RATE
from gps_seg.benchmark.settings import Settings
from gps_seg.benchmark.switching import measure_switching
from gps_seg.benchmark.tasks.setting_up import set_up
from gps_seg.benchmark.tasks.training import seconds_of
from gps_seg.peft import Trainable
from gps_seg.sparse import Selection, gps_roles

_REPEATS = 15
# More than the caches of a processor: after the two passes of a real step
# they hold nothing of the weights.
_CACHE_BYTES = 2**27
_WIDTH = 8  # of the layers whose interception is timed


def measure_fixed_costs(
    settings: Settings, k: int, selection: str
) -> dict[str, Any]:
    """Time what does not depend on the batch, in seconds per step.

    Args:
        settings: Settings of the run.
        k: Connections per neuron of the deltas that are switched.
        selection: File of the selection that ours trains.

    Returns:
        Seconds of the optimizer's step and of writing the values of the
        encoder into its weights, of intercepting its linear maps, with the
        number of these, and of switching between two deltas.
    """
    chosen = Selection.load(selection)
    model, _ = set_up(settings)
    trainable = Trainable(model, gps_roles(model, ENCODER), chosen)
    step, write = _step_and_write(trainable)
    switching = measure_switching(settings.arch, settings.size, k)
    matrices = sum(len(shape) == 2 for shape in chosen.shapes.values())
    return {
        'optimizer_seconds': step,
        'write_seconds': write,
        'interception_seconds': matrices
        * interception(matrices, settings.device),
        'num_layers': matrices,
        'switch_seconds': switching['switch'].median / 1000,
    }


def _step_and_write(trainable: Trainable) -> tuple[float, float]:
    """Medians over steps with random gradients and cold caches."""
    trained = [
        parameter
        for name, parameter in trainable.named_parameters()
        if name.startswith(f'{ENCODER}.')
    ]
    optimizer = AdamW(trained, lr=LEARNING_RATE, weight_decay=0.0, fused=True)
    for parameter in trained:
        parameter.grad = torch.randn_like(parameter)
    cold = torch.zeros(_CACHE_BYTES, dtype=torch.uint8)
    steps, writes = [], []
    for _ in range(_REPEATS):
        cold += 1
        steps.append(seconds_of(optimizer.step))
        cold += 1
        writes.append(seconds_of(trainable.write))
    return statistics.median(steps), statistics.median(writes)


def interception(num_layers: int, device: str = 'cpu') -> float:
    """Seconds by which one linear map with selected entries is slower.

    The maps are tiny, so that the rest is little: 8 inputs, 8 outputs and one
    token. They are compared with maps whose weights are frozen; the biases of
    both train.

    Args:
        num_layers: Number of maps in a row, forward and backward.
        device: Name of the device.
    """
    selected, frozen = (_chain(num_layers).to(device) for _ in range(2))
    entries = torch.arange(0, _WIDTH**2, _WIDTH)  # the first column
    weights = [n for n, p in selected.named_parameters() if p.ndim == 2]
    trainable = Trainable(
        selected,
        gps_roles(selected, ENCODER),
        Selection(
            dict.fromkeys(weights, entries),
            dict.fromkeys(weights, (_WIDTH, _WIDTH)),
        ),
    )
    for parameter in frozen.parameters():
        parameter.requires_grad_(parameter.ndim == 1)
    inputs = torch.ones(1, _WIDTH, device=device, requires_grad=True)

    def compressed() -> None:
        with trainable.compressing():
            _both_ways(selected, inputs)

    plain = _fastest(lambda: _both_ways(frozen, inputs))
    return max(0.0, _fastest(compressed) - plain) / max(1, num_layers)


def _chain(num_layers: int) -> nn.ModuleDict:
    layers = (nn.Linear(_WIDTH, _WIDTH) for _ in range(num_layers))
    return nn.ModuleDict({ENCODER: nn.Sequential(*layers)})


def _both_ways(model: nn.ModuleDict, inputs: Tensor) -> None:
    model[ENCODER](inputs).sum().backward()


def _fastest(run: Callable[[], None]) -> float:
    run()
    return min(seconds_of(run) for _ in range(_REPEATS))
