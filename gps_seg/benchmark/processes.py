# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tasks in fresh processes, which start without the memory of another."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import gps_seg

WORKER = 'gps_seg.benchmark.worker'


def run_worker(task: dict[str, Any], module: str = WORKER) -> Any:
    """Run a task in a fresh process and return its result.

    Args:
        task: Task of the worker, as JSON.
        module: Module of the worker.

    Raises:
        RuntimeError: If the process fails.
    """
    root = str(Path(gps_seg.__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get('PYTHONPATH')]))
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, 'result.json')
        done = subprocess.run(
            [sys.executable, '-m', module, json.dumps(task), str(result)],
            check=False,  # the error below has one line
            capture_output=True,
            text=True,
            env={**os.environ, 'PYTHONPATH': path},
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ['no message']
            raise RuntimeError(
                f'exit status {done.returncode}: {lines[-1].strip()}'
            )
        return json.loads(result.read_text(encoding='utf-8'))
