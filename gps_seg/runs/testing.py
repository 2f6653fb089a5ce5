# Copyright (c) gps_seg contributors. Apache-2.0.
"""A test from the command line: the work of ``tools/test.py``."""

from argparse import Namespace
from pathlib import Path

from mmengine.dist import get_rank
from mmengine.fileio import dump
from mmengine.runner import Runner

from gps_seg.command_line.next_steps import shown
from gps_seg.engine import set_tta
from gps_seg.runs import launch
from gps_seg.runs.console.console_hook import ConsoleHook
from gps_seg.runs.console.header import log_file
from gps_seg.runs.console.scores import scores_table
from gps_seg.runs.console.screen import Console
from gps_seg.runs.data_errors import naming_the_check_of_files
from gps_seg.runs.failed_start import leaving_no_trace

METRICS_FILE = 'test_metrics.json'


def test(args: Namespace) -> None:
    """Test weights, and report the scores on the console.

    Args:
        args: Command line of ``tools/test.py``.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If config, weights and data do not fit each other.
    """
    if args.alphas:
        raise ValueError(
            '--alphas: expected --unseen beside it, got --alphas alone. A '
            'sweep over the test set is tools/delta.py sweep.'
        )
    launch.set_local_rank(args.local_rank)
    with Console(args.verbose) as console:
        config = launch.load_config(
            args.config, args.work_dir, args.cfg_options
        )
        work_dir = Path(config.work_dir)
        # MMEngine writes the config there, and must not replace that of the
        # training.
        config.work_dir = str(work_dir / 'test')
        launch.set_launcher(config, args.launcher)
        launch.prepare_test(config, args.checkpoint, args.out, args.show_dir)
        if args.tta:
            set_tta(config)
        title = f'Testing {args.checkpoint} with {args.config}'
        hook = ConsoleHook(console, title)
        with (
            leaving_no_trace(config, lambda: hook.begun),
            naming_the_check_of_files(),
        ):
            runner = launch.build_runner(config)
            runner.register_hook(hook)
            metrics = runner.test()
        if get_rank() == 0:
            # MMEngine's dump supports the number types of NumPy and PyTorch.
            dump(metrics, str(work_dir / METRICS_FILE), indent=2)
        console.write(f'\n{scores_table(metrics)}\n')
        console.write(_files(runner, args, work_dir))


def _files(runner: Runner, args: Namespace, work_dir: Path) -> str:
    """One line for each result of the test."""
    lines = [
        ('metrics', work_dir / METRICS_FILE),
        ('log', log_file(runner)),
        ('labels', args.out),
        ('drawings', args.show_dir),
    ]
    return '\n'.join(
        f'{what:8}  {shown(path)}' for what, path in lines if path is not None
    )
