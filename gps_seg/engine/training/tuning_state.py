# Copyright (c) gps_seg contributors. Apache-2.0.
"""The state of tuning: the selection, what trains, and both in checkpoints.

Only tensors and plain values are put into a checkpoint, so that reading it
runs no code.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from gps_seg.engine.checkpoint_check import CHECKPOINT_KEY
from gps_seg.engine.training.averaged_weights import keep_frozen_bits
from gps_seg.engine.training.optim_wrapper import TrainsSelected
from gps_seg.peft import PeftMethod, Trainable
from gps_seg.sparse import Role, Selection
from gps_seg.sparse.training.unit_steps import UnitSteps


class TuningState:
    """The selection of a run and the parameters that train.

    Args:
        method: Tuning method.
        config: Type and settings of the method, as plain data.

    Attributes:
        selection: Selected entries; None until :meth:`declare` is called.
        trainable: Parameters and entries that train; None until then.
    """

    def __init__(self, method: PeftMethod, config: dict[str, Any]) -> None:
        self.method = method
        self.config = config
        self.selection: Selection | None = None
        self.trainable: Trainable | None = None
        self._awaits_training = False

    def declare(
        self,
        model: nn.Module,
        wrapper: TrainsSelected,
        roles: Mapping[str, Role],
        selection: Selection,
        steps: Mapping[str, UnitSteps],
    ) -> None:
        """Let a selection train.

        If it is declared again, the penalty still pulls towards the weights
        of the first time.

        Args:
            model: Model, not wrapped for distribution.
            wrapper: Optim wrapper that trains the selection from now on.
            roles: Role of every parameter, by name.
            selection: Entries that train.
            steps: Coordinates in which they train, by name of the weight.
        """
        earlier = self.trainable
        pull = self.method.pull(model)
        self.trainable = Trainable(model, roles, selection, pull, steps)
        if earlier is not None:
            for name, start in earlier.starts.items():
                self.trainable.starts[name].copy_(start)
        wrapper.train_only(self.trainable)
        self.selection, self._awaits_training = selection, True

    def begin(
        self,
        model: nn.Module,
        wrapper: TrainsSelected,
        roles: Mapping[str, Role],
    ) -> None:
        """Begin to train; declares the selection again after a training."""
        if not self._awaits_training:
            steps = self.trainable.steps
            self.declare(model, wrapper, roles, self.selection, steps)
        self._awaits_training = False
        self.trainable.read()

    def freeze_average(self, averaged: nn.Module, model: nn.Module) -> None:
        """Copy the frozen entries of the model into its averaged weights."""
        if self.trainable is not None:
            keep_frozen_bits(averaged, model, self.trainable)

    def to_checkpoint(self) -> dict[str, Any]:
        """Data of this object for a checkpoint."""
        return {
            'method': self.config,
            'indices': dict(self.selection),
            'shapes': {n: tuple(s) for n, s in self.selection.shapes.items()},
            'gradients': _gradients(self.trainable),
            'starts': {n: s.cpu() for n, s in self.trainable.starts.items()},
            'values': _values(self.trainable),
            'added': self.trainable.added.to_json(),
            'steps': {
                name: one.to_plain()
                for name, one in self.trainable.steps.items()
            },
        }

    def find_in(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """Find the result of :meth:`to_checkpoint` in a checkpoint.

        Raises:
            ValueError: If there is none, or it belongs to another method.
        """
        kept: dict[str, Any] | None = checkpoint.get(CHECKPOINT_KEY)
        if kept is None:
            raise ValueError(
                'resume: expected a checkpoint with a '
                f"'{CHECKPOINT_KEY}' entry, got one without. It was saved by "
                'a run without PeftHook, or before the selection. Use '
                'load_from to start from its weights.'
            )
        if kept['method'] != self.config:
            raise ValueError(
                f'resume: expected method {self.config} (PeftHook), got a '
                f'checkpoint of {kept["method"]}. Resume with the config '
                'that the run was started with.'
            )
        return kept

    def from_checkpoint(self, kept: Mapping[str, Any]) -> None:
        """Restore gradients, starts and values; call :meth:`declare` before.

        When MMEngine loads the weights, the selected values are read from
        them. Only the extra precision of values that are wider than their
        weight, or coordinates of it, must be restored here.

        Args:
            kept: Result of :meth:`find_in`.
        """
        for name, trained in self.trainable.named_parameters():
            if name in kept['gradients']:
                trained.grad = kept['gradients'][name].to(trained)
        for name, start in kept.get('starts', {}).items():
            self.trainable.starts[name].copy_(start)
        for name, values in kept.get('values', {}).items():
            self.trainable.selected[name].values.detach().copy_(values)


def _gradients(trainable: Trainable) -> dict[str, Tensor]:
    """Gradients that have been accumulated for the next step."""
    return {
        name: trained.grad.cpu()
        for name, trained in trainable.named_parameters()
        if trained.grad is not None
    }


def _values(trainable: Trainable) -> dict[str, Tensor]:
    """Values that cannot be read from their weights bit for bit."""
    return {
        name: entries.values.detach().cpu()
        for name, entries in trainable.selected.items()
        if not entries.are_in_weight
    }
