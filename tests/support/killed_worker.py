"""A run that is killed by SIGKILL: in an iteration, or while it saves.

python killed_worker.py WORK_DIR iteration|state|delta
"""

import os
import signal
import sys
from pathlib import Path

import torch
from mmengine.hooks import Hook
from toy_run import run

from gps_seg.engine import SeededStepsHook

FILES = {'state': 'resume.pth', 'delta': 'delta.safetensors'}


class KillAt(Hook):
    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == 5:
            os.kill(os.getpid(), signal.SIGKILL)


def die_at_the_second(name):
    """Die when the file is replaced, with half of the new one on the disk."""
    replace, seen = os.replace, []

    def replace_or_die(source, target):
        if Path(target).name == name:
            seen.append(target)
        if len(seen) == 2:
            os.truncate(source, Path(source).stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = replace_or_die


def main(work_dir, moment):
    torch.set_num_threads(1)  # as in the process of the tests
    hooks = [SeededStepsHook()]
    if moment == 'iteration':
        hooks.append(KillAt())
    else:
        die_at_the_second(FILES[moment])
    run(
        Path(work_dir),
        iters=7,
        hooks=hooks,
        checkpoint={'type': 'DeltaHook', 'interval': 3},
    )


if __name__ == '__main__':
    main(*sys.argv[1:])
