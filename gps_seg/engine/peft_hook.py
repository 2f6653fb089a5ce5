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
from itertools import chain
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.dataset import Compose
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from gps_seg.engine.checkpoint_check import (
    CHECKPOINT_KEY,
    check_fits,
    check_start,
)
from gps_seg.engine.ignored_settings import (
    idle_encoder,
    ignored_by_method,
    ignored_settings,
)
from gps_seg.engine.optim_wrapper import TrainsSelected
from gps_seg.engine.runner_model import (
    bare_model,
    check_wrapper,
    is_training,
    leave_data_parallel,
)
from gps_seg.engine.scoring import ScoringPass
from gps_seg.engine.selection_loss import SELECTION_LOSSES
from gps_seg.engine.selection_report import report_choice
from gps_seg.engine.slim_checkpoint import FrozenBase, fill
from gps_seg.engine.start_weights import start_of
from gps_seg.engine.wrapper_types import wrong_wrapper
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
            :data:`gps_seg.engine.selection_loss.SELECTION_LOSSES`; that of
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
        self.roles: dict[str, Role] | None = None

    def before_run(self, runner: Runner) -> None:
        """Check the run, unless the tool did so before the data was opened."""
        if is_training(runner) and self.roles is None:
            self.check(runner)

    def check(self, runner: Runner) -> None:
        """Check that all of the run fits the method; warn of what is ignored.

        Args:
            runner: With its model and optim wrapper built.

        Raises:
            FileNotFoundError: If the file to start from is not there.
            ValueError: If something does not fit; the key is named.
        """
        self._check_company(runner)
        check_start(runner._load_from)
        check_wrapper(runner)
        if self.scoring.pipeline is not None:
            Compose(self.scoring.pipeline)  # raises unless it can be built
        model = bare_model(runner)
        self.roles = dict(self.method.roles(model))
        self.method.check(weights_to_select(model, self.roles))
        for sentence in chain(
            ignored_settings(runner.cfg, self.roles),
            ignored_by_method(self.method, self.config, self.given),
            idle_encoder(self.method, self.roles),
        ):
            runner.logger.warning(sentence)

    def _check_company(self, runner: Runner) -> None:
        """Raise ValueError on a second hook or a wrapper of another kind."""
        hooks = [hook for hook in runner.hooks if isinstance(hook, PeftHook)]
        if len(hooks) > 1:
            raise ValueError(
                'custom_hooks: expected one PeftHook, got '
                f'{[hook.config for hook in hooks]}. The last would undo what '
                'the others declare: keep one.'
            )
        if not isinstance(runner.optim_wrapper, TrainsSelected):
            raise wrong_wrapper(type(runner.optim_wrapper).__name__)

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Restore the selection of a resumed run; check what is loaded."""
        if not runner._resume:
            encoder = self.method.encoder
            check_fits(bare_model(runner), checkpoint, within=encoder)
            return
        # MMEngine would run the text of this key as a config.
        checkpoint.get('meta', {}).pop('config', None)
        kept = checkpoint.get(CHECKPOINT_KEY)
        if kept is None:
            raise ValueError(
                f"resume: expected a checkpoint with a '{CHECKPOINT_KEY}' "
                'entry, got one of a run without PeftHook. Use load_from to '
                'start from its weights.'
            )
        if kept['method'] != self.config:
            raise ValueError(
                f'resume: expected method {self.config} (PeftHook), got a '
                f'checkpoint of {kept["method"]}. Resume with the config that '
                'the run was started with.'
            )
        shapes = {name: torch.Size(s) for name, s in kept['shapes'].items()}
        selection = Selection(kept['indices'], shapes)
        if 'base' in kept:
            base = FrozenBase(**kept['base'])
            start = start_of(runner.cfg)
            fill(checkpoint, base, selection, bare_model(runner), start)
        check_fits(bare_model(runner), checkpoint)
        self._declare(runner, selection)
        self._restore_gradients(kept['gradients'])
        for name, start in kept.get('starts', {}).items():
            self.trainable.starts[name].copy_(start)

    def before_train(self, runner: Runner) -> None:
        """Select, unless the selection was restored, and declare it."""
        leave_data_parallel(runner)
        if self.selection is None:
            choice = self._choose(runner)
            self._declare(runner, choice.selection)
            report_choice(runner, choice, self.trainable, self.config)
        self.trainable.selected.read()

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Keep method and selection with the weights."""
        assert self.selection is not None
        checkpoint[CHECKPOINT_KEY] = {
            'method': self.config,
            'indices': dict(self.selection),
            'shapes': {n: tuple(s) for n, s in self.selection.shapes.items()},
            'gradients': self._accumulated_gradients(),
            'starts': {
                name: start.cpu()
                for name, start in self.trainable.starts.items()
            },
        }

    def after_train(self, runner: Runner) -> None:
        """The model is a plain model again."""
        self.trainable.selected.release()

    def _choose(self, runner: Runner) -> Choice:
        model = bare_model(runner)
        weights = weights_to_select(model, self.roles)

        def passes(evidence: Evidence) -> Generator[RunningSums, None, None]:
            return self.scoring.run(
                model,
                self.method.encoder,
                {name: owned.parameter for name, owned in weights.items()},
                runner.train_dataloader,
                runner.optim_wrapper.optimizer,
                runner.seed,
                evidence,
            )

        choice = self.method.choose(weights, passes, runner.seed)
        check_same_everywhere(choice.selection)
        return choice

    def _accumulated_gradients(self) -> dict[str, Tensor]:
        """What was gathered for a step that is still to come."""
        return {
            name: self.trainable.form[parameter].grad.cpu()
            for parameter, name in self.trainable.names.items()
            if self.trainable.form[parameter].grad is not None
        }

    def _restore_gradients(self, gradients: Mapping[str, Tensor]) -> None:
        for parameter, name in self.trainable.names.items():
            if name in gradients:
                trained = self.trainable.form[parameter]
                trained.grad = gradients[name].to(trained)

    def _declare(self, runner: Runner, selection: Selection) -> None:
        self.selection = selection
        model = bare_model(runner)
        pull = self.method.pull(model)
        self.trainable = Trainable(model, self.roles, selection, pull)
        runner.optim_wrapper.train_only(self.trainable)


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
