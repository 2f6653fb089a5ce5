# Copyright (c) gps_seg contributors. Apache-2.0.
"""Whether a run can begin, told before a data set is opened.

MMEngine builds the data sets before it calls the first hook. An impossible
config should not cost the minutes that listing a large data set takes, nor
hide behind an archive that is not there yet.
"""

from pathlib import Path

from mmengine.runner import Runner

from gps_seg.delta import is_delta
from gps_seg.engine.ignored_settings import ignored_settings
from gps_seg.engine.optim_wrapper import TrainsSelected
from gps_seg.engine.peft_hook import PeftHook
from gps_seg.engine.runner_model import bare_model, check_wrapper
from gps_seg.peft import weights_to_select


def check_before_data(runner: Runner) -> None:
    """Check what a ``PeftHook`` of the runner needs; warn of what is ignored.

    Does nothing for a runner without one. The optim wrapper is built, as the
    runner would a little later.

    Raises:
        ValueError: If method, model, optim wrapper or the file to start from
            do not fit one another.
    """
    for hook in runner.hooks:
        if isinstance(hook, PeftHook) and runner.optim_wrapper is not None:
            _check(hook, runner)


def _check(hook: PeftHook, runner: Runner) -> None:
    _check_start(runner)
    check_wrapper(runner)
    model = bare_model(runner)
    roles = hook.method.roles(model)
    hook.method.check(weights_to_select(model, roles))
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    if not isinstance(runner.optim_wrapper, TrainsSelected):
        raise ValueError(
            'optim_wrapper.type: expected PeftOptimWrapper or '
            'AmpPeftOptimWrapper beside a PeftHook, got '
            f'{type(runner.optim_wrapper).__name__}, which would train every '
            'entry. Replace the type; its other settings may stay.'
        )
    for sentence in ignored_settings(runner.cfg, roles):
        runner.logger.warning(sentence)


def _check_start(runner: Runner) -> None:
    """Raise ValueError if the run is to begin with a delta."""
    start = runner._load_from
    if start and Path(start).is_file() and is_delta(start):
        raise ValueError(
            f'load_from: expected a checkpoint, got the delta {start}. A '
            'delta is a change of its base: make a checkpoint of both by '
            'tools/delta.py merge, or go on with its run by --resume.'
        )
