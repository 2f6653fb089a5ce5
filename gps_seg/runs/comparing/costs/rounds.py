# Copyright (c) gps_seg contributors. Apache-2.0.
"""The costs of variants, measured side by side on one machine.

Rounds visit every variant in turn, each visit in a fresh process, so that a
busy phase of the machine slows down all variants instead of one.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from gps_seg.engine.reporting.environment import describe_environment
from gps_seg.files import write_json
from gps_seg.runs.comparing.costs.visits import (
    in_words,
    summarise_rounds,
    visit,
)
from gps_seg.runs.comparing.settings import hash_of, settings_that_count
from gps_seg.text.clock import Clock

#: Name of the file in the folder of a comparison.
COSTS_FILE = 'costs.json'
#: What the file says about the machine.
_MACHINE = ('device', 'cpu', 'cpu_cores', 'memory_gib', 'platform')


def measure_costs(
    configs: Mapping[str, Config],
    reference: str,
    folder: Path,
    rounds: int = 3,
    steps: int = 5,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure the costs of variants, and write them after every round.

    The same call goes on after an interruption; with other variants, configs,
    steps or another reference, and on another machine, it begins again. A
    variant that fails has its ``error``; the others go on, and it is not tried
    again.

    Args:
        configs: Config of each variant's training, with a ``PeftHook``.
        reference: Variant by whose step time the others are divided.
        folder: Folder of ``costs.json``; made if it is missing.
        rounds: Number of visits to each variant.
        steps: Number of timed steps, and of timed test images, of a visit.
        report: Function that receives one line after every visit.

    Returns:
        The content of ``costs.json``: ``machine``, ``threads``, ``batch``,
        ``size`` (height and width in pixels), ``precision`` (these four of the
        reference; each variant has its own, too), ``reference``, ``steps``,
        ``configs`` (digests of the runs), and ``variants``. Each variant has
        an ``error``, or

        - ``step_seconds``: median of the step time, one for each round;
        - ``step_ratio`` and ``step_ratio_range``: median, lowest and highest
          ratio to the reference in the same round;
        - ``peak_bytes``: peak memory of the steps above what was in use
          before them; None if unknown;
        - ``saved_bytes``: bytes kept from a forward to its backward pass;
          None for compiled code;
        - ``pass_seconds``: time of the selection, measured once;
        - ``test_flops``: operations of one image at test time, after merging
          what the method added if that is possible;
        - ``plain_at_test``: whether nothing that was added is left then;
        - ``test_milliseconds``: median time of such an image.

    Raises:
        ValueError: If ``reference`` is not a variant.
    """
    path, scratch = folder / COSTS_FILE, folder / 'costs'
    costs = _begin(_asked(configs, reference, steps), path, rounds, report)
    files = _write_configs(configs, scratch)
    variants = costs['variants']
    done = _rounds_of(costs)
    clock, visits = Clock(len(configs) * (rounds - done)), 0
    for number in range(done + 1, rounds + 1):
        for name, file in files.items():
            visit(variants[name], file, steps)
            visits += 1
            report(
                f'costs, round {number}/{rounds}: {name}, '
                f'{in_words(variants[name])} ({clock.left(visits)})'
            )
        summarise_rounds(costs)
        write_json(costs, path)
    shutil.rmtree(scratch)
    return costs


def measured_costs(
    configs: Mapping[str, Config],
    reference: str,
    folder: Path,
    steps: int = 5,
) -> dict[str, Any] | None:
    """Costs that earlier calls of :func:`measure_costs` wrote.

    Args:
        configs: Config of each variant's training, with a ``PeftHook``.
        reference: Variant by whose step time the others are divided.
        folder: Folder of ``costs.json``.
        steps: Number of timed steps of a visit.

    Returns:
        The content of ``costs.json``; None if there is none, or one of other
        variants, configs or steps, or with another reference.

    Raises:
        ValueError: If ``reference`` is not a variant.
    """
    asked = _asked(configs, reference, steps)
    path = folder / COSTS_FILE
    if not path.is_file():
        return None
    costs: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    return costs if not _changed(costs, asked) else None


def _changed(costs: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What earlier costs do not have in common with those asked for."""
    return [key for key in asked if costs.get(key) != asked[key]]


def _asked(
    configs: Mapping[str, Config], reference: str, steps: int
) -> dict[str, Any]:
    """What earlier costs must have in common with those asked for."""
    if reference not in configs:
        raise ValueError(
            f'reference: expected one of {list(configs)}, got {reference!r}.'
        )
    digests = {
        name: hash_of(settings_that_count(config))
        for name, config in configs.items()
    }
    return {'reference': reference, 'steps': steps, 'configs': digests}


def _begin(
    asked: Mapping[str, Any],
    path: Path,
    rounds: int,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Earlier costs if they answer what is asked, or else empty ones.

    Rounds of two machines are not mixed, but complete costs of another
    machine stay.
    """
    environment = describe_environment()
    machine = {key: environment[key] for key in _MACHINE}
    new = {'machine': machine, **asked}
    if path.is_file():
        costs: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
        complete = _rounds_of(costs) >= rounds
        changed = _changed(costs, asked if complete else new)
        if not changed:
            return costs
        report(
            f'costs: measured from the beginning, since {path} has other '
            f'{" and ".join(changed)}'
        )
    return {**new, 'variants': {name: {} for name in asked['configs']}}


def _rounds_of(costs: Mapping[str, Any]) -> int:
    """Number of rounds that are complete."""
    variants = costs['variants'].values()
    return max(len(v.get('step_seconds', ())) for v in variants)


def _write_configs(
    configs: Mapping[str, Config], scratch: Path
) -> dict[str, Path]:
    """One file for each variant, in a folder of its own."""
    files = {}
    for number, (name, config) in enumerate(configs.items()):
        own = scratch / str(number)
        own.mkdir(parents=True, exist_ok=True)
        files[name] = own / 'variant.py'
        config.dump(files[name])
    return files
