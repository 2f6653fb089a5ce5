# Copyright (c) gps_seg contributors. Apache-2.0.
"""A training from the command line: the work of ``tools/train.py``."""

import time
from argparse import Namespace

from mmengine.config import Config
from mmengine.runner import Runner

from gps_seg.engine.training.wrapper_types import enable_amp
from gps_seg.runs import launch
from gps_seg.runs.console.console_hook import ConsoleHook
from gps_seg.runs.console.screen import Console
from gps_seg.runs.console.summary import summarize
from gps_seg.runs.data_errors import naming_the_check_of_files
from gps_seg.runs.early_check import check_before_data, check_config
from gps_seg.runs.failed_start import leaving_no_trace
from gps_seg.runs.interruption import saying_how_to_go_on
from gps_seg.runs.method_options import set_method
from gps_seg.runs.overrides import parse_overrides


def train(args: Namespace) -> None:
    """Train a config, and report the progress on the console.

    Args:
        args: Command line of ``tools/train.py``.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If config and command line do not fit each other, or the
            data cannot be used.
        SystemExit: If the user interrupts the run.
    """
    launch.set_local_rank(args.local_rank)
    with Console(args.verbose) as console:
        config = _config(args)
        state = args.resume and launch.find_state(config, args.resume)
        train_config(config, console, f'Training with {args.config}', state)


def train_config(
    config: Config, console: Console, title: str, state: str | None = None
) -> Runner:
    """Train a config from a state, or from its beginning.

    Args:
        config: Config of the training.
        console: Console that is open; gets progress, results and the next
            commands.
        title: First line of the report.
        state: State to continue from; see :func:`~.launch.find_state`.

    Returns:
        The runner after the training.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If the config or the data cannot be used.
        SystemExit: If the user interrupts the run.
    """
    start = time.monotonic()
    check_config(config)
    hook = ConsoleHook(console, title)
    with (
        leaving_no_trace(config, lambda: hook.begun),
        saying_how_to_go_on(config.work_dir),
        naming_the_check_of_files(),
    ):
        runner = launch.build_runner(config, state)
        runner.register_hook(hook)
        check_before_data(runner)
        runner.train()
    seconds = time.monotonic() - start
    console.write(summarize(runner, hook.best, seconds))
    return runner


def _config(args: Namespace) -> Config:
    config = launch.load_config(args.config, args.work_dir, args.cfg_options)
    options = parse_overrides(args.peft_options, '--peft-options')
    if args.k is not None:
        options['method.k'] = args.k
    set_method(config, args.method, options)
    if args.amp:
        enable_amp(config)
    launch.set_launcher(config, args.launcher)
    launch.set_seed(config, args.seed, args.deterministic)
    return config
