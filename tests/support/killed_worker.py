"""A run that is killed by SIGKILL: in an iteration, or while it saves.

python killed_worker.py WORK_DIR iteration|state|delta
"""

import os
import signal
import sys
from pathlib import Path

from mmengine.hooks import Hook
from toy_run import run

from gps_seg.engine import SeededStepsHook

FILES = {'state': 'resume.pth', 'delta': 'delta.safetensors'}
replace = os.replace
seen = []


class KillAt(Hook):
    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == 5:
            os.kill(os.getpid(), signal.SIGKILL)


def replace_or_die(source, target):
    """Die the second time, with half of the new file on the disk."""
    if Path(target).name == FILES[sys.argv[2]]:
        seen.append(target)
    if len(seen) == 2:
        os.truncate(source, Path(source).stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)


hooks = [SeededStepsHook()]
if sys.argv[2] == 'iteration':
    hooks.append(KillAt())
else:
    os.replace = replace_or_die
run(
    Path(sys.argv[1]),
    iters=7,
    hooks=hooks,
    checkpoint={'type': 'DeltaHook', 'interval': 3},
)
