# Copyright (c) gps_seg contributors. Apache-2.0.
"""One task of a run, in a process of its own.

``python -m gps_seg.benchmark.worker TASK RESULT`` runs a task of
:mod:`gps_seg.benchmark.rounds`, given as JSON, and writes its result.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gps_seg.benchmark.settings import Settings
from gps_seg.benchmark.tasks.fixed_costs import measure_fixed_costs
from gps_seg.benchmark.tasks.selecting import match, select
from gps_seg.benchmark.tasks.serving import serve
from gps_seg.benchmark.tasks.training import measure


def main() -> None:
    """Run the task and write the result."""
    task = json.loads(sys.argv[1])
    settings = Settings(**task.pop('settings'))
    result = TASKS[task.pop('task')](settings, **task)
    Path(sys.argv[2]).write_text(json.dumps(result), encoding='utf-8')


TASKS: dict[str, Callable[..., Any]] = {
    'select': select,
    'match': match,
    'measure': measure,
    'serve': serve,
    'fixed_costs': measure_fixed_costs,
}

if __name__ == '__main__':
    main()
