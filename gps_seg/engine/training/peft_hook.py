# Copyright (c) gps_seg contributors. Apache-2.0.
"""The hook that selects before training and keeps the selection.

The order of events is MMEngine's: the optimizer is built; ``before_run``; the
weights are initialised; a checkpoint is loaded or resumed
(``after_load_checkpoint``, then the weights, then the optimizer's state);
``before_train``; iterations. So the configuration is checked in
``before_run``, a resumed selection is restored in ``after_load_checkpoint``,
where the optimizer's state can still find its parameters, and a new one is
made in ``before_train``, the first moment at which the weights are the
pretrained ones.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from mmengine.config import ConfigDict
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from gps_seg.engine.checkpoint_check import (
    CHECKPOINT_KEY,
    check_finite,
    check_fits,
    nest,
)
from gps_seg.engine.reporting.selection_report import report_choice
from gps_seg.engine.runner_model import (
    averaged_model,
    bare_model,
    common_seed,
    is_training,
    leave_data_parallel,
    load_after_initialisation,
)
from gps_seg.engine.selecting.losses import SELECTION_LOSSES
from gps_seg.engine.selecting.scoring_pass import ScoringPass
from gps_seg.engine.start_weights import start_of
from gps_seg.engine.training.averaged_weights import keep_frozen_bits
from gps_seg.engine.training.peft_checkpoint import (
    keep,
    kept_by,
    restore,
)
from gps_seg.engine.training.run_check import check_run
from gps_seg.engine.training.slim_checkpoint import FrozenBase, fill
from gps_seg.peft import (
    METHODS,
    Choice,
    Trainable,
    build_from,
    build_method,
    weights_to_select,
)
from gps_seg.sparse import Evidence, Role, RunningSums, Selection


@HOOKS.register_module()
class PeftHook(Hook):
    """Tune a model by one of the methods of :data:`gps_seg.peft.METHODS`.

    Writes ``trained.json``, ``selection.safetensors`` and ``selection.png``
    into the work directory, and puts the selection into every checkpoint.

    Args:
        method: Type and settings, such as ``dict(type='gps', k=1)``.
        max_batches: Upper bound of the training batches that the selection
            looks at, per process; None for the whole epoch.
        loss: Type and settings of the loss whose gradients select, of
            :data:`gps_seg.engine.selecting.losses.SELECTION_LOSSES`; that of
            the task by default.
        batch_size: Images per batch that the selection looks at, per process;
            None for as many as in training.
        pipeline: Transforms of the images that the selection looks at, in
            place of those of the training.
    """

    priority = 'HIGH'  # before EMAHook and CheckpointHook

    def __init__(
        self,
        method: Mapping[str, Any],
        max_batches: int | None = None,
        loss: Mapping[str, Any] | None = None,
        batch_size: int | None = None,
        pipeline: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.method = build_method(method, METHODS)
        # Plain all the way down, so that a checkpoint with it is data.
        self.config = ConfigDict(method).to_dict()
        self.scoring = ScoringPass(
            loss=build_from(SELECTION_LOSSES, _with_type(loss), 'loss'),
            max_batches=max_batches,
            batch_size=batch_size,
            pipeline=pipeline,
        )
        self.given = dict(
            max_batches=max_batches,
            loss=loss,
            batch_size=batch_size,
            pipeline=pipeline,
        )
        self.selection: Selection | None = None
        self.trainable: Trainable | None = None
        self.awaits_training = False
        self.roles: dict[str, Role] | None = None

    def before_run(self, runner: Runner) -> None:
        """Check the run, unless the tool did so before the data was opened."""
        if not is_training(runner):
            return
        load_after_initialisation(runner)
        if self.roles is None:
            self.check(runner)

    def check(self, runner: Runner) -> None:
        """Check that the run fits the method, see :func:`check_run`.

        Args:
            runner: Runner with its model and optim wrapper built.

        Raises:
            FileNotFoundError: If the file to start from is not there.
            ValueError: If something does not fit, or there is another
                ``PeftHook``.
        """
        hooks = [hook for hook in runner.hooks if isinstance(hook, PeftHook)]
        if len(hooks) > 1:
            raise ValueError(
                'custom_hooks: expected one PeftHook, got '
                f'{[hook.config for hook in hooks]}. The last would undo what '
                'the others declare: keep one.'
            )
        self.roles = check_run(runner, self.method, self.config, self.given)

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Restore the selection of a resumed run; check what is loaded."""
        if not runner._resume:
            nest(checkpoint)
            check_fits(bare_model(runner), checkpoint, self.method.encoder)
            return
        # MMEngine would run the text of this key as a config.
        checkpoint.get('meta', {}).pop('config', None)
        kept = kept_by(checkpoint, self.config)
        if self.roles is None:  # a validation, which does not build it
            runner.optim_wrapper = runner.build_optim_wrapper(
                runner.optim_wrapper
            )
            self.check(runner)
        selection = Selection(kept['indices'], kept['shapes'])
        if 'base' in kept:
            base = FrozenBase(**kept['base'])
            start = start_of(runner.cfg)
            fill(checkpoint, base, selection, bare_model(runner), start)
        check_fits(bare_model(runner), checkpoint)
        self._declare(runner, selection)
        restore(self.trainable, kept)

    def before_train(self, runner: Runner) -> None:
        """Select, unless the selection was restored, and declare it."""
        leave_data_parallel(runner)
        if self.selection is None:
            check_finite(bare_model(runner))
            choice = self._choose(runner)
            self._declare(runner, choice.selection)
            report_choice(
                runner,
                choice,
                self.trainable,
                self.method.encoder,
                self.config,
            )
        elif not self.awaits_training:  # it trained before
            self._declare(runner, self.selection)
        self.awaits_training = False
        self.trainable.read()

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Keep method and selection with the weights; before it, nothing."""
        if self.selection is None:
            return
        self._mend_average(runner)
        checkpoint[CHECKPOINT_KEY] = keep(
            self.config, self.selection, self.trainable
        )

    def before_val_epoch(self, runner: Runner) -> None:
        """Averaged weights are about to be validated."""
        self._mend_average(runner)

    def before_test_epoch(self, runner: Runner) -> None:
        """Averaged weights are about to be tested."""
        self._mend_average(runner)

    def after_train(self, runner: Runner) -> None:
        """The model is a plain model again."""
        self._mend_average(runner)
        self.trainable.release()

    def _mend_average(self, runner: Runner) -> None:
        averaged = averaged_model(runner)
        if averaged is not None and self.selection is not None:
            keep_frozen_bits(averaged, bare_model(runner), self.trainable)

    def _choose(self, runner: Runner) -> Choice:
        model = bare_model(runner)
        weights = weights_to_select(model, self.roles)
        seed = common_seed(runner)

        def passes(evidence: Evidence) -> Generator[RunningSums, None, None]:
            return self.scoring.run(
                model,
                self.method.encoder,
                {name: owned.parameter for name, owned in weights.items()},
                runner.train_dataloader,
                runner.optim_wrapper.optimizer,
                seed,
                evidence,
            )

        choice = self.method.choose(weights, passes, seed)
        check_same_everywhere(choice.selection)
        return choice

    def _declare(self, runner: Runner, selection: Selection) -> None:
        """Let the entries train; the pull stays that of the first time."""
        model, earlier = bare_model(runner), self.trainable
        pull = self.method.pull(model)
        self.trainable = Trainable(model, self.roles, selection, pull)
        if earlier is not None:
            for name, start in earlier.starts.items():
                self.trainable.starts[name].copy_(start)
        runner.optim_wrapper.train_only(self.trainable)
        self.selection, self.awaits_training = selection, True


def _with_type(loss: Any) -> Any:
    """The loss; one whose settings are given without a type is the task's."""
    if loss is None:
        return dict(type='task')
    if isinstance(loss, Mapping) and 'type' not in loss:
        return dict(loss, type='task')
    return loss


def check_same_everywhere(selection: Selection) -> None:
    """Raise RuntimeError unless all processes hold the same selection."""
    hashes = all_gather_object(selection.hash)
    if len(set(hashes)) != 1:
        raise RuntimeError(
            'selection: expected the same hash in every process, got '
            f'{hashes}. The processes differ in weights, data or seed.'
        )
