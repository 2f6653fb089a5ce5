# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the files in a work directory say about a run.

A file that is missing leaves its part of a page empty: a run may have had no
validation, no method of this package, or no selection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gps_seg.delta import Delta
from gps_seg.files.run_files import (
    DELTAS_OF_A_RUN,
    ENVIRONMENT_FILE,
    LATEST_FILE,
    SELECTION_FILE,
    TRAINED_FILE,
)
from gps_seg.files.shared_files import CONFIG_FILE
from gps_seg.sparse import Selection
from gps_seg.text.short import method_text
from gps_seg.visualization.plots.scalars import History, read_history

_COUNTS = ('selected', 'whole', 'all')
#: What every logged line has beside its scores.
_NO_SCORES = ('step', 'epoch', 'iter', 'time', 'data_time', 'memory')


@dataclass(frozen=True)
class RunFacts:
    """Facts about one run.

    Args:
        work_dir: Work directory of the run.
        environment: Content of ``environment.json``; empty without it.
        trained: Content of ``trained.json``; empty without it.
        history: Scalars of the run; None if none were logged.
    """

    work_dir: Path
    environment: Mapping[str, Any]
    trained: Mapping[str, Any]
    history: History | None

    @property
    def name(self) -> str:
        """Name of the config, of the task's folder, or of the run's."""
        if self.config is None:
            return self.work_dir.name
        if self.config.name == CONFIG_FILE:  # the same for every task
            return self.work_dir.absolute().parent.name
        return self.config.stem

    @property
    def method(self) -> str:
        """Method with its settings; empty without one of this package."""
        return method_text(self.trained.get('method') or {})

    @property
    def num_trained(self) -> int | None:
        """Number of values that the optimizer stepped; None if unknown."""
        if not self.trained:
            return None
        number: int = self.trained['selected'] + self.trained['whole']
        return number

    @property
    def scores(self) -> dict[str, float]:
        """Scores of the last validation; empty without one."""
        if self.history is None or not self.history.validation:
            return {}
        return {
            name: value
            for name, value in self.history.validation[-1].items()
            if name not in _NO_SCORES and isinstance(value, int | float)
        }

    @property
    def config(self) -> Path | None:
        """Config in the work directory; None if it is not clear which."""
        named = self.environment.get('config')
        found = [self.work_dir / str(named)] if named else []
        found = found or sorted(self.work_dir.glob('*.py'))
        return found[0] if len(found) == 1 and found[0].is_file() else None

    @property
    def weights(self) -> Path | None:
        """Best delta, or any other, or the latest checkpoint, if any."""
        for name in DELTAS_OF_A_RUN:
            if (self.work_dir / name).is_file():
                return self.work_dir / name
        latest = self.work_dir / LATEST_FILE
        path = Path(latest.read_text().strip()) if latest.is_file() else None
        return path if path is not None and path.is_file() else None

    @property
    def scores_of_weights(self) -> dict[str, float]:
        """Scores in the delta that :attr:`weights` names; empty if none."""
        path = self.weights
        if path is None or path.name not in DELTAS_OF_A_RUN:
            return {}
        return dict(Delta.load(path).info.metric)

    @property
    def selection(self) -> Selection | None:
        """The selected connections; None without a selection."""
        path = self.work_dir / SELECTION_FILE
        return Selection.load(path) if path.is_file() else None


def read_facts(work_dir: Path) -> RunFacts:
    """Read the small files of a work directory.

    Args:
        work_dir: Work directory of a run.

    Raises:
        NotADirectoryError: If there is no such folder.
        ValueError: If one of its files has another content.
    """
    if not work_dir.is_dir():
        raise NotADirectoryError(
            f'work directory: expected a folder, got nothing at {work_dir}. '
            'Check the path.'
        )
    environment = _read_json(work_dir / ENVIRONMENT_FILE)
    trained = _read_json(work_dir / TRAINED_FILE)
    if trained and not all(type(trained.get(n)) is int for n in _COUNTS):
        raise ValueError(
            f'{TRAINED_FILE}: expected the counts {", ".join(_COUNTS)}, got '
            f'{", ".join(trained)} ({work_dir}).'
        )
    files = _scalar_files(work_dir, environment)
    return RunFacts(
        work_dir,
        environment,
        trained,
        read_history(files) if files else None,
    )


def _scalar_files(
    work_dir: Path, environment: Mapping[str, Any]
) -> list[Path]:
    """Scalars of the run, and of the runs that it resumed, oldest first."""
    found = sorted(work_dir.glob('*/vis_data/scalars.json'))
    started = environment.get('started')
    if started:
        found = [path for path in found if path.parts[-3] <= str(started)]
    return found if environment.get('resumed') else found[-1:]


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(
            f'{path.name}: expected JSON, got other content ({path}: {error}).'
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f'{path.name}: expected an object, got {content!r:.60} ({path}).'
        )
    return content
