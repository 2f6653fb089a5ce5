# Copyright (c) gps_seg contributors. Apache-2.0.
"""Measure the points that are missing, one process after another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gps_seg.benchmark.growth.points import (
    ROWS,
    SELECT,
    Host,
    Point,
    expected_seconds,
)
from gps_seg.benchmark.processes import run_worker
from gps_seg.text.clock import Clock

WORKER = 'gps_seg.benchmark.growth.worker'
#: What was measured at each point, by its key.
Results = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """Where the points are measured, and where files are kept.

    Args:
        folder: Folder of the selections.
        device: ``'cpu'`` or ``'cuda'``.
        checkpoint: Weights of ViT-S/14, or None.

    Example:
        >>> Place(Path('out')).selection(Host('vit-s', 224, 4), k=1).name
        'vit-s_224px_4-blocks_k1.safetensors'
    """

    folder: Path
    device: str = 'cpu'
    checkpoint: str | None = None

    def selection(self, host: Host, k: int) -> Path:
        """File of a selection."""
        return self.folder / f'{host.key}_k{k}.safetensors'


def measure_missing(
    points: Sequence[Point],
    results: Results,
    place: Place,
    report: Callable[[str], None],
) -> Iterator[Results]:
    """Measure the points that have no result, and yield all after each.

    A point that fails is reported and has no result; the others go on.

    Args:
        points: Points, those of a host after its selections.
        results: Earlier results; not changed.
        place: Device and folder.
        report: Function that receives one line after every point.

    Yields:
        The results so far.

    Example::

        for results in measure_missing(points, {}, Place(folder), print):
            save(results)
    """
    missing = [p for p in points if not _is_done(p, results, place)]
    clock, done = Clock(sum(map(expected_seconds, missing))), 0
    place.folder.mkdir(parents=True, exist_ok=True)
    for number, point in enumerate(missing, start=1):
        done += expected_seconds(point)
        try:
            result = run_worker(_task(point, place), WORKER)
            results = results | {point.key: result}
            outcome = _in_words(result)
        except RuntimeError as error:
            outcome = str(error)
        report(
            f'{number}/{len(missing)}  {point.key}: {outcome}  '
            f'({clock.left(done)})'
        )
        yield results


def _is_done(point: Point, results: Results, place: Place) -> bool:
    if point.row != SELECT:
        return point.key in results
    files = (place.selection(point.host, k) for k in point.host.ks)
    return point.key in results and all(file.is_file() for file in files)


def _task(point: Point, place: Place) -> dict[str, Any]:
    host = point.host
    common = {
        'host': {
            'host': host.name,
            'size': host.size,
            'blocks': host.blocks,
            # The only host with weights that are known.
            'checkpoint': place.checkpoint if host.name == 'vit-s14' else None,
        },
        'device': place.device,
    }
    if point.row == SELECT:
        files = [str(place.selection(host, k)) for k in host.ks]
        return common | {
            'task': 'select',
            'images': host.images,
            'ks': host.ks,
            'files': files,
        }
    method, settings = ROWS[point.row]
    k = point.k
    return common | {
        'task': 'measure',
        'method': method,
        'settings': dict(settings),
        'selection': None if k is None else str(place.selection(host, k)),
    }


def _in_words(result: dict[str, Any]) -> str:
    """A result in a few words."""
    if 'passes' in result:
        images, seconds = result['passes'][-1]
        return f'{1000 * seconds / images:.1f} ms an image'
    return f'{1000 * min(result["seconds"]):.1f} ms (best step)'
