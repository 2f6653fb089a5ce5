# Copyright (c) gps_seg contributors. Apache-2.0.
"""The hook that selects before training and keeps the selection.

MMEngine fixes the order of events: the optimizer is built; ``before_run``; the
weights are initialised; a checkpoint is loaded or resumed
(``after_load_checkpoint``, then the weights, then the optimizer's state);
``before_train``; iterations. So the config is checked in ``before_run``. A
resumed selection is restored in ``after_load_checkpoint``, before the
optimizer's state is loaded, which needs it. A new selection is made in
``before_train``, the first event at which the model has its pretrained
weights. What a method adds is attached at the same moments, to the averaged
weights of an ``EMAHook``, too, so that a file to start from is loaded into the
plain model, and a resumed one into the model with the additions.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import ConfigDict
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from gps_seg.additions import Plan, attach
from gps_seg.engine.checkpoint_check import (
    CHECKPOINT_KEY,
    check_finite,
    check_fits,
    nest,
)
from gps_seg.engine.reporting.selection_report import report_choice
from gps_seg.engine.runner_model import (
    average_of,
    averaged_model,
    bare_model,
    common_seed,
    is_training,
    leave_data_parallel,
    load_after_initialisation,
)
from gps_seg.engine.selecting.choosing import choose
from gps_seg.engine.selecting.losses import SELECTION_LOSSES
from gps_seg.engine.selecting.scoring_pass import ScoringPass
from gps_seg.engine.start_weights import start_of
from gps_seg.engine.training.added_start import AddedStart
from gps_seg.engine.training.averaged_weights import attach_to_average
from gps_seg.engine.training.host_execution import HostExecution
from gps_seg.engine.training.run_check import check_run
from gps_seg.engine.training.slim_checkpoint import FrozenBase, fill
from gps_seg.engine.training.tuning_state import TuningState
from gps_seg.peft import METHODS, Trainable, build_method
from gps_seg.peft.settings import build_from
from gps_seg.sparse import Role, Selection
from gps_seg.sparse.training.unit_steps import UnitSteps


@HOOKS.register_module()
class PeftHook(Hook):
    """Tune a model by one of the methods of :data:`gps_seg.peft.METHODS`.

    The hook writes ``trained.json``, ``selection.safetensors`` and
    ``selection.png`` into the work directory, and puts the selection into
    every checkpoint.

    Args:
        method: Type and settings of the method, such as
            ``dict(type='gps', k=1)``.
        max_batches: Largest number of training batches for the selection, per
            process; None for a whole epoch.
        loss: Type and settings of the loss whose gradients score the
            connections, one of
            :data:`gps_seg.engine.selecting.losses.SELECTION_LOSSES`; None for
            the loss of the task.
        batch_size: Images per batch of the selection, per process; None for
            the batch size of the training.
        pipeline: Transforms of the images for the selection; None for those
            of the training.
        checkpointing: Whether the encoder's blocks keep only their inputs in
            the pass that selects, and are run again in its backward pass. So
            it needs no more memory than the training that follows. False
            takes a quarter less time and selects the same.
        init_from: Delta from whose values what the method adds starts; None
            for random values. The delta has the same additions.
        fused_attention: Whether the attention of the model runs without its
            matrices of weights, which changes results by rounding only, see
            :func:`gps_seg.execution.fuse_attention`.
        recompute: Part that the backward pass recomputes, for less memory and
            the same bits: ``'mlps'``, the hidden layers of the encoder's
            MLPs, see :func:`gps_seg.execution.recompute_mlps`; ``'blocks'``,
            all inside its blocks, see
            :func:`gps_seg.execution.recompute_blocks`; None for nothing.

    Example::

        custom_hooks = [
            dict(
                type='PeftHook',
                method=dict(type='gps', k=1),
                loss=dict(type='contrastive'),
                max_batches=100,
            )
        ]
    """

    priority = 'HIGH'  # before EMAHook and CheckpointHook

    def __init__(
        self,
        method: Mapping[str, Any],
        max_batches: int | None = None,
        loss: Mapping[str, Any] | None = None,
        batch_size: int | None = None,
        pipeline: Sequence[Mapping[str, Any]] | None = None,
        checkpointing: bool = True,
        init_from: str | None = None,
        fused_attention: bool = True,
        recompute: str | None = None,
    ) -> None:
        self.method = build_method(method, METHODS)
        # Plain all the way down, so that a checkpoint with it is data.
        self.config = ConfigDict(method).to_dict()
        loss = {} if loss is None else loss
        self.scoring = ScoringPass(
            loss=build_from(SELECTION_LOSSES, loss, 'loss', default='task'),
            max_batches=max_batches,
            batch_size=batch_size,
            pipeline=pipeline,
            checkpointing=checkpointing,
        )
        self.host = HostExecution(fused_attention, recompute)
        self.start = None if init_from is None else AddedStart(init_from)
        self.state = TuningState(self.method, self.config)
        self.roles: dict[str, Role] | None = None
        #: Time of the selection, with its pass over the training data; None
        #: before it is made, and if it was restored.
        self.seconds_to_choose: float | None = None

    @property
    def selection(self) -> Selection | None:
        """Selected entries; None before they are chosen or restored."""
        return self.state.selection

    @property
    def trainable(self) -> Trainable | None:
        """Parameters that train; None before the selection is known."""
        return self.state.trainable

    def before_run(self, runner: Runner) -> None:
        """Check the run, unless a tool has done it before it opened data.

        Attention is fused before an ``EMAHook`` copies the model, for
        validations and tests, too.
        """
        self.host.begin(bare_model(runner), runner.logger)
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
            FileNotFoundError: If the file to start from does not exist.
            ValueError: If something does not fit, or there is another
                ``PeftHook``.
        """
        hooks = peft_hooks_of(runner)
        if len(hooks) > 1:
            raise ValueError(
                'custom_hooks: expected one PeftHook, got '
                f'{[hook.config for hook in hooks]}. Each would undo the '
                'selection of the one before: keep one.'
            )
        self.host.check(runner.cfg)
        self.roles = check_run(runner, self.method, self.config, self.scoring)
        if self.start is not None and not runner._resume:
            self.start.check(self.method, bare_model(runner))

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Check what is loaded; restore the selection of a resumed run."""
        if not runner._resume:
            nest(checkpoint)
            check_fits(bare_model(runner), checkpoint, self.method.encoder)
            return
        # MMEngine would execute the text of this key as a config.
        checkpoint.get('meta', {}).pop('config', None)
        kept = self.state.find_in(checkpoint)
        if self.roles is None:  # a validation, which builds no wrapper
            runner.optim_wrapper = runner.build_optim_wrapper(
                runner.optim_wrapper
            )
            self.check(runner)
        selection = Selection(kept['indices'], kept['shapes'])
        plan = Plan.from_json(kept.get('added', []))
        if 'base' in kept:
            base = FrozenBase(**kept['base'])
            start = start_of(runner.cfg)
            fill(checkpoint, base, selection, bare_model(runner), start)
        self._attach(runner, plan)
        check_fits(bare_model(runner), checkpoint)
        steps = {n: UnitSteps(**s) for n, s in kept.get('steps', {}).items()}
        self._declare(runner, selection, steps)
        self.state.from_checkpoint(kept)

    def before_train(self, runner: Runner) -> None:
        """Select, unless the selection was restored, and declare it."""
        leave_data_parallel(runner)
        self.host.begin_selecting(runner, self.method.encoder)
        model = bare_model(runner)
        if self.selection is None:
            check_finite(model)
            start = time.perf_counter()
            choice = choose(runner, self.method, self.roles, self.scoring)
            self.seconds_to_choose = time.perf_counter() - start
            plan = self.method.additions(model, choice)
            self._attach(runner, plan)
            self._fill(runner, plan)
            self._declare(runner, choice.selection, choice.steps)
            report_choice(
                runner,
                choice,
                self.trainable,
                self.method.encoder,
                self.config,
            )
        self.state.begin(model, runner.optim_wrapper, self.roles)
        self.host.begin_training(runner)

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Add method and selection to the checkpoint, once they are known."""
        if self.selection is not None:
            self._freeze_average(runner)
            checkpoint[CHECKPOINT_KEY] = self.state.to_checkpoint()

    def before_val_epoch(self, runner: Runner) -> None:
        """Reset the frozen entries of averaged weights before validation."""
        self._freeze_average(runner)

    def before_test_epoch(self, runner: Runner) -> None:
        """Reset the frozen entries of averaged weights before a test."""
        self._freeze_average(runner)

    def after_train(self, runner: Runner) -> None:
        """Make the model a plain model again."""
        self._freeze_average(runner)
        self.trainable.release()
        self.host.end_training()

    def after_run(self, runner: Runner) -> None:
        """Let the model compute as its classes say again."""
        self.host.end()

    def _attach(self, runner: Runner, plan: Plan) -> None:
        seed = common_seed(runner)
        attach(bare_model(runner), plan, seed)
        average = average_of(runner)
        if average is not None:
            attach_to_average(average, plan, seed)

    def _fill(self, runner: Runner, plan: Plan) -> None:
        """Start the additions from a delta, in the average as well."""
        if self.start is not None:
            models = [bare_model(runner), averaged_model(runner)]
            self.start.fill(*filter(None, models), plan=plan)

    def _declare(
        self,
        runner: Runner,
        selection: Selection,
        steps: Mapping[str, UnitSteps],
    ) -> None:
        model, wrapper = bare_model(runner), runner.optim_wrapper
        self.state.declare(model, wrapper, self.roles, selection, steps)

    def _freeze_average(self, runner: Runner) -> None:
        averaged = averaged_model(runner)
        if averaged is not None:
            self.state.freeze_average(averaged, bare_model(runner))


def peft_hooks_of(runner: Runner) -> list[PeftHook]:
    """All hooks of this kind that a runner has."""
    return [hook for hook in runner.hooks if isinstance(hook, PeftHook)]
