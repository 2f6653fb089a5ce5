# Copyright (c) gps_seg contributors. Apache-2.0.
"""The hook that records the environment and draws the pictures of a run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mmengine.dist import get_world_size, master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from mmseg.models.segmentors import BaseSegmentor

from gps_seg.engine.reporting.environment import describe_environment
from gps_seg.engine.reporting.examples import (
    pick_examples,
    predict_examples,
    spread_examples,
)
from gps_seg.engine.runner_model import bare_model, is_training
from gps_seg.evaluation import DiceIoUMetric, ImageScore
from gps_seg.files import write_json
from gps_seg.files.run_files import (
    CURVES_FILE,
    ENVIRONMENT_FILE,
    OVERLAYS_FILE,
)
from gps_seg.visualization import ClassColours, plot_curves, plot_overlays
from gps_seg.visualization.pages import write_run_page


@HOOKS.register_module()
class ReportHook(Hook):
    """Write the environment and pictures of a run into its work directory.

    Before the run it writes ``environment.json``, with versions, device,
    data, seed, commit and command line. After the training it draws
    ``curves.png``, and ``overlays.png`` with the worst, median and best
    validation images by the Dice of the last evaluation. Without
    :class:`~gps_seg.evaluation.DiceIoUMetric` among the evaluators, it draws
    images spread evenly through the validation set. ``report.html`` has all
    of it on one page. Only the main process writes.

    The priority is VERY_LOW, so that the log is complete when the curves are
    drawn, and the model is a plain model again when the images are predicted.
    If an ``EMAHook`` runs, the images are predicted with the averaged
    weights, to which the scores of the evaluation belong.

    Args:
        num_examples: Number of worst, of median and of best images; 0 for no
            overlays.

    Raises:
        ValueError: If ``num_examples`` is negative.

    Example::

        custom_hooks = [dict(type='ReportHook', num_examples=2)]
    """

    priority = 'VERY_LOW'

    def __init__(self, num_examples: int = 3) -> None:
        if num_examples < 0:
            raise ValueError(
                f'num_examples: expected 0 or more, got {num_examples} '
                '(ReportHook).'
            )
        self.num_examples = num_examples
        self._environment: dict[str, Any] = {}
        self._begun = 0.0

    @master_only
    def before_run(self, runner: Runner) -> None:
        """Write ``environment.json``, unless the run is a test."""
        if not is_training(runner):
            return  # a test must not describe itself as the training
        self._begun = time.monotonic()
        self._environment = describe_environment() | {
            'config': Path(
                runner.cfg.filename or f'{runner.timestamp}.py'
            ).name,
            'data': describe_data(runner),
            'seed': runner.seed,
            'deterministic': runner.deterministic,
            'num_processes': get_world_size(),
            'started': runner.timestamp,
            'resumed': runner._resume,
        }
        self._write_environment(runner)

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Draw ``curves.png`` and ``overlays.png``, write ``report.html``.

        If the disk is full, the run logs it and does not fail: the training
        is over and its checkpoint has been written.
        """
        try:
            self._draw_curves(runner)
            self._draw_overlays(runner)
        except OSError as error:
            runner.logger.warning(f'Report: picture not written ({error}).')
        try:
            seconds = time.monotonic() - self._begun
            self._environment['seconds'] = round(seconds, 1)
            self._write_environment(runner)
            page = write_run_page(Path(runner.work_dir))
            runner.logger.info(f'Report: {page}')
        # A page about a training must not end it, whatever it came across.
        except Exception as error:
            runner.logger.warning(f'Report: page not written ({error}).')

    def _write_environment(self, runner: Runner) -> None:
        path = Path(runner.work_dir, ENVIRONMENT_FILE)
        write_json(self._environment, path)

    def _draw_curves(self, runner: Runner) -> None:
        files = scalar_files(runner)
        if not files:
            runner.logger.info(
                'Report: no curves, because no LocalVisBackend logged the run.'
            )
            return
        path = plot_curves(files, Path(runner.work_dir, CURVES_FILE))
        runner.logger.info(f'Report: curves in {path}')

    def _draw_overlays(self, runner: Runner) -> None:
        if not segments_validation_images(runner) or self.num_examples == 0:
            runner.logger.info(
                'Report: no overlays, because no segmentor was validated or '
                'num_examples is 0.'
            )
            return
        scores = last_scores(runner)
        examples = (
            pick_examples(scores, self.num_examples)
            if scores
            else spread_examples(runner, 3 * self.num_examples)
        )
        rows = predict_examples(runner, examples)
        if not rows:
            runner.logger.info(
                'Report: no overlays, because the validation data set has no '
                'image paths.'
            )
            return
        dataset = runner.val_dataloader.dataset
        classes = ClassColours.from_metainfo(dataset.metainfo)
        path = plot_overlays(
            rows, Path(runner.work_dir, OVERLAYS_FILE), classes
        )
        runner.logger.info(f'Report: overlays in {path}')


def segments_validation_images(runner: Runner) -> bool:
    """Whether the run validated a segmentor, whose labels can be drawn."""
    validates = runner.val_loop is not None
    return validates and isinstance(bare_model(runner), BaseSegmentor)


def describe_data(runner: Runner) -> dict[str, dict[str, Any]]:
    """Kind and number of images of the data sets; None if it is unknown."""
    loaders = {'training': runner.train_dataloader}
    if runner.val_loop is not None:
        loaders['validation'] = runner.val_dataloader
    return {
        name: {
            'type': type(loader.dataset).__name__,
            'images': len(loader.dataset)
            if hasattr(loader.dataset, '__len__')
            else None,
        }
        for name, loader in loaders.items()
    }


def scalar_files(runner: Runner) -> list[Path]:
    """Scalars logged by this run and by those it resumed, oldest first.

    Each start of a run logs into its own folder, which is named by the time.
    A run that resumes nothing has no history, even if there are earlier runs
    in its work directory.
    """
    own = Path(runner.log_dir, 'vis_data', 'scalars.json')
    if not own.is_file():
        return []
    if not runner._resume:
        return [own]
    found = Path(runner.work_dir).glob('*/vis_data/scalars.json')
    earlier = [
        path for path in sorted(found) if path.parts[-3] < own.parts[-3]
    ]
    return [*earlier, own]


def last_scores(runner: Runner) -> list[ImageScore]:
    """Scores of the images in the last validation; empty if there is none."""
    loop: Any = runner.val_loop
    if loop is None:
        return []
    for metric in loop.evaluator.metrics:
        if isinstance(metric, DiceIoUMetric):
            return metric.per_image
    return []
