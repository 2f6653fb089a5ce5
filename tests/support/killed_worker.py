# Copyright (c) gps_seg contributors. Apache-2.0.
"""Runs that SIGKILL ends in an iteration or while they save.

``python killed_worker.py FOLDER`` leaves their work directories in the folder,
and their exit codes in ``exits.json``. The runs are forks of this process, so
they need not import anything.
"""

import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import torch
from mmengine.hooks import Hook
from toy_run import run

from gps_seg.engine import SeededStepsHook
from gps_seg.engine.reporting import selection_report

FILES = {'state': 'resume.pth', 'delta': 'delta.safetensors'}
MOMENTS = ('iteration', *FILES)


class KillAt(Hook):
    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == 5:
            os.kill(os.getpid(), signal.SIGKILL)


def die_at_the_second(name):
    """Die when the file is replaced, with half of the new one written."""
    replace, seen = os.replace, []

    def replace_or_die(source, target):
        if Path(target).name == name:
            seen.append(target)
        if len(seen) == 2:
            os.truncate(source, Path(source).stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = replace_or_die


def train(work_dir, moment):
    hooks = [SeededStepsHook()]
    if moment == 'iteration':
        hooks.append(KillAt())
    else:
        die_at_the_second(FILES[moment])
    run(
        work_dir,
        iters=7,
        hooks=hooks,
        checkpoint={'type': 'DeltaHook', 'interval': 3},
    )


def main(folder):
    torch.set_num_threads(1)  # as in the process of the tests
    # A picture would take longer than everything else.
    selection_report.plot_selection = lambda *_: None
    fork, exits = multiprocessing.get_context('fork'), {}
    for moment in MOMENTS:
        process = fork.Process(target=train, args=(folder / moment, moment))
        process.start()
        process.join()
        exits[moment] = process.exitcode
    (folder / 'exits.json').write_text(json.dumps(exits))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
