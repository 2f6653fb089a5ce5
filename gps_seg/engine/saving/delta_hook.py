# Copyright (c) gps_seg contributors. Apache-2.0.
"""The hook that writes deltas, and the state from which a run is resumed."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from gps_seg.additions import added_names
from gps_seg.delta import DeltaInfo
from gps_seg.delta.baseline import Baseline
from gps_seg.engine.checkpoint_check import CHECKPOINT_KEY
from gps_seg.engine.runner_model import (
    averaged_model,
    bare_model,
    is_training,
)
from gps_seg.engine.saving.base_facts import base_facts
from gps_seg.engine.saving.base_origin import keep_base
from gps_seg.engine.saving.delta_run import (
    check_interval,
    check_no_resume,
    classes_of,
    finite_numbers,
    only_peft_hook,
    progress,
    record_seed,
    validates_now,
)
from gps_seg.engine.saving.earlier_run import set_aside
from gps_seg.engine.training.slim_checkpoint import FrozenBase, slim
from gps_seg.files import replacing, write_text
from gps_seg.files.run_files import (
    BEST_DELTA_FILE,
    DELTA_FILE,
    EMA_DELTA_FILE,
    LATEST_FILE,
    RESUME_FILE,
)

BETTER: Mapping[str, Callable[[float, float], bool]] = {
    'greater': lambda new, old: new > old,
    'less': lambda new, old: new < old,
}


@HOOKS.register_module()
class DeltaHook(Hook):
    """Write deltas, and the state from which a stopped run is resumed.

    The hook replaces MMEngine's ``CheckpointHook``
    (``default_hooks.checkpoint``). It writes into the work directory:

    - ``delta.safetensors``: the task at the last save;
    - ``ema_delta.safetensors``: the same from the averaged weights, if an
      ``EMAHook`` runs;
    - ``best_delta.safetensors``: the task at the best validation; with an
      ``EMAHook`` from the averaged weights, as these are validated;
    - ``resume.pth``: the state of the run, without the base weights;
    - ``base.pth``: the model before the run, only if it cannot be built again
      from files and the seed.

    A file is replaced only when the next one is complete, so a run that is
    killed at any moment leaves whole files. Files of an earlier run in the
    same work directory are moved into ``before_<time>`` there.

    Args:
        interval: Number of iterations (or epochs) between two saves; the end
            is always saved.
        by_epoch: Whether ``interval`` counts epochs.
        save_best: Name of the metric that decides which validation is best;
            None to keep no best delta.
        rule: ``'greater'`` or ``'less'``: which value is better.

    Raises:
        ValueError: If ``interval < 1`` or the rule is unknown.

    Example::

        default_hooks = dict(
            checkpoint=dict(
                type='DeltaHook', interval=500, save_best='image_mDice'
            )
        )
    """

    priority = 'VERY_LOW'  # after EMAHook has put its weights in

    def __init__(
        self,
        interval: int,
        by_epoch: bool = False,
        save_best: str | None = None,
        rule: str = 'greater',
    ) -> None:
        if interval < 1:
            raise ValueError(
                f'interval: expected 1 or more, got {interval} (DeltaHook).'
            )
        if rule not in BETTER:
            raise ValueError(
                f'rule: expected one of {list(BETTER)}, got {rule!r} '
                '(DeltaHook).'
            )
        self.interval = interval
        self.by_epoch = by_epoch
        self.save_best = save_best
        self.rule = rule
        self.is_better = BETTER[rule]
        self.base: FrozenBase | None = None
        self.best: float | None = None
        self.metrics: dict[str, float] = {}
        self.validated_at: tuple[int, int] | None = None

    def before_run(self, runner: Runner) -> None:
        """Find the hook whose deltas are written."""
        if not is_training(runner):
            check_no_resume(runner)
            return
        check_interval(runner, self.by_epoch)
        self.peft = only_peft_hook(runner)

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Restore the base and the best score of a resumed run."""
        if not runner._resume:
            return
        kept = checkpoint[CHECKPOINT_KEY].get('delta')
        if kept is None:
            raise ValueError(
                'resume: expected a checkpoint that DeltaHook wrote '
                f'({RESUME_FILE}), got one of CheckpointHook. Resume with '
                "default_hooks.checkpoint of type 'CheckpointHook'."
            )
        self.base = FrozenBase(**checkpoint[CHECKPOINT_KEY]['base'])
        self.baseline = Baseline(self.peft.selection, **kept['baseline'])
        self.best, self.metrics = kept['best'], kept['metrics']
        self.validated_at = kept['validated_at']

    def before_train(self, runner: Runner) -> None:
        """Remember the base, or repeat a validation that was interrupted."""
        record_seed(runner)
        self.config_text = runner.cfg.pretty_text  # takes up to seconds
        if self.base is not None:
            if self.validated_at != progress(runner) and validates_now(runner):
                runner.val_loop.run()
            return
        set_aside(runner)
        model, trainable = bare_model(runner), self.peft.trainable
        inside = f'{self.peft.method.encoder}.'
        added = added_names(model)
        new = {
            name
            for name in model.state_dict()
            if not name.startswith(inside) or name in added
        }
        whole = trainable.whole
        self.baseline = Baseline.of(
            model, self.peft.selection, sorted(whole - new), sorted(new)
        )
        keep_base(runner, self.baseline)
        self.base = FrozenBase.of(
            model, whole | new, runner._load_from, self.baseline.fingerprint
        )

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Save every ``interval`` iterations and after the last."""
        if not self.by_epoch and (
            self.every_n_train_iters(runner, self.interval)
            or self.is_last_train_iter(runner)
        ):
            self._save(runner, runner.epoch, runner.iter + 1)

    def after_train_epoch(self, runner: Runner) -> None:
        """Save every ``interval`` epochs and after the last."""
        if self.by_epoch and (
            self.every_n_epochs(runner, self.interval)
            or self.is_last_train_epoch(runner)
        ):
            self._save(runner, runner.epoch + 1, runner.iter)

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Save the scores, and the best delta if this is a new best."""
        if not is_training(runner) or self.base is None:
            return  # nothing has been trained
        self.metrics = finite_numbers(metrics or {})
        if self.save_best is not None:
            self._keep_best(runner, metrics or {}, self.save_best)
        self.validated_at = progress(runner)
        # The steps were saved before the validation, too, so that a stop
        # during it does not lose them.
        runner.logger.info('Saving again, with the scores of the validation.')
        self._save(runner, *self.validated_at)

    def _keep_best(
        self, runner: Runner, metrics: Mapping[str, Any], name: str
    ) -> None:
        if name not in metrics:
            raise ValueError(
                f'save_best: expected one of the metrics {sorted(metrics)}, '
                f'got {name!r} (DeltaHook).'
            )
        score = self.metrics.get(name)  # None: not a finite number
        if score is None:
            return
        if self.best is None or self.is_better(score, self.best):
            self.best = score
            model = averaged_model(runner) or bare_model(runner)
            self._write(runner, model, BEST_DELTA_FILE)

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Remove the base weights from the state of the run."""
        if self.base is None:
            return  # nothing has been trained: the checkpoint stays whole
        slim(checkpoint, self.base, self.peft.selection)
        kept = checkpoint[CHECKPOINT_KEY]
        kept['base'] = asdict(self.base)
        kept['delta'] = {
            'baseline': self.baseline.record,
            'best': self.best,
            'metrics': self.metrics,
            'validated_at': self.validated_at,
        }

    @master_only
    def _save(self, runner: Runner, epochs: int, iters: int) -> None:
        """Write the current deltas and the state of the run.

        Args:
            runner: Runner of the training.
            epochs: Number of epochs completed.
            iters: Number of iterations completed.
        """
        self._write(runner, bare_model(runner), DELTA_FILE)
        averaged = averaged_model(runner)
        if averaged is not None:
            self._write(runner, averaged, EMA_DELTA_FILE)
        work_dir = Path(runner.work_dir)
        with replacing(work_dir / RESUME_FILE) as partial:
            done = {'epoch': epochs, 'iter': iters}
            runner.save_checkpoint(str(work_dir), partial.name, meta=done)
        # --resume reads this file.
        write_text(str(work_dir / RESUME_FILE), work_dir / LATEST_FILE)

    @master_only
    def _write(self, runner: Runner, model: nn.Module, name: str) -> None:
        delta = self.baseline.delta(model, self._describe(runner))
        path = Path(runner.work_dir, name)
        delta.save(path)
        runner.logger.info(
            f'Saved {path}: {path.stat().st_size / 1e6:.2f} MB, '
            f'{delta.selection.num_selected:,} connections and '
            f'{len(delta.changes) - len(delta.selection)} whole tensors'
        )

    def _describe(self, runner: Runner) -> DeltaInfo:
        return DeltaInfo(
            **classes_of(runner),
            method=self.peft.config,
            added=self.peft.trainable.added.to_json(),
            config=self.config_text,
            metric=self.metrics,
            seed=runner.seed,
            base=base_facts(runner.cfg),
        )
