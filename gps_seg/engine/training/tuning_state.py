# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a run tunes: the selection, what trains, and both in checkpoints.

A checkpoint gets tensors and plain values alone, so that reading it runs no
code.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from gps_seg.engine.checkpoint_check import CHECKPOINT_KEY
from gps_seg.engine.training.averaged_weights import keep_frozen_bits
from gps_seg.engine.training.optim_wrapper import TrainsSelected
from gps_seg.peft import PeftMethod, Trainable
from gps_seg.sparse import Role, Selection


class TuningState:
    """The selection of a run, and what trains by it.

    Args:
        method: Tuning method.
        config: Type and settings of the method, plain data.

    Attributes:
        selection: Selected entries; None until they are declared.
        trainable: What trains, in the form that trains; None until then.
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
    ) -> None:
        """Let a selection train; a pull keeps the start of the first time.

        Args:
            model: Model, not wrapped for distribution.
            wrapper: Optim wrapper, which is re-targeted.
            roles: Role of every parameter, by name.
            selection: Entries that train.
        """
        earlier = self.trainable
        pull = self.method.pull(model)
        self.trainable = Trainable(model, roles, selection, pull)
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
        """Begin a training of what was declared, anew if it trained before."""
        if not self._awaits_training:
            self.declare(model, wrapper, roles, self.selection)
        self._awaits_training = False
        self.trainable.read()

    def mend(self, averaged: nn.Module, model: nn.Module) -> None:
        """Give averaged weights the bits of the model where nothing trains."""
        if self.trainable is not None:
            keep_frozen_bits(averaged, model, self.trainable)

    def to_checkpoint(self) -> dict[str, Any]:
        """What to keep beside the weights and the state of the optimizer."""
        return {
            'method': self.config,
            'indices': dict(self.selection),
            'shapes': {n: tuple(s) for n, s in self.selection.shapes.items()},
            'gradients': _gradients(self.trainable),
            'starts': {n: s.cpu() for n, s in self.trainable.starts.items()},
            'values': _values(self.trainable),
        }

    def find_in(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """What :meth:`to_checkpoint` gave to a checkpoint.

        Raises:
            ValueError: If there is none, or it is of another method.
        """
        kept: dict[str, Any] | None = checkpoint.get(CHECKPOINT_KEY)
        if kept is None:
            raise ValueError(
                'resume: expected a checkpoint with a '
                f"'{CHECKPOINT_KEY}' entry, got one of a run without "
                'PeftHook, or from before it selected. Use load_from to '
                'start from its weights.'
            )
        if kept['method'] != self.config:
            raise ValueError(
                f'resume: expected method {self.config} (PeftHook), got a '
                f'checkpoint of {kept["method"]}. Resume with the config '
                'that the run was started with.'
            )
        return kept

    def from_checkpoint(self, kept: Mapping[str, Any]) -> None:
        """Restore gradients, starts and values; its selection is declared.

        The values follow the weights when these are loaded, except for the
        bits that the weights have no room for.

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
    """Gradients accumulated for a step that is still to come."""
    return {
        name: trained.grad.cpu()
        for name, trained in trainable.named_parameters()
        if trained.grad is not None
    }


def _values(trainable: Trainable) -> dict[str, Tensor]:
    """Values that are more precise than the weights that hold them."""
    return {
        name: entries.values.detach().cpu()
        for name, entries in trainable.selected.items()
        if entries.values.dtype != entries.weight.dtype
    }
