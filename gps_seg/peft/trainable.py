# Copyright (c) gps_seg contributors. Apache-2.0.
"""The part of a model that trains: from a method to an optimizer."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from gps_seg.additions import added_names, additions_of, beside, plan_of
from gps_seg.peft.declared import declare, give_back, release
from gps_seg.peft.kept_state import KeptState
from gps_seg.peft.ownership import check_all_owned, owned_by
from gps_seg.peft.pull import Pull
from gps_seg.peft.steps import check_steps
from gps_seg.sparse import ColumnGradients, Role, SelectedWeights, Selection
from gps_seg.sparse.training.unit_steps import UnitSteps


class Trainable:
    """The parameters of a model that train, as an optimizer should see them.

    A weight with selected entries is represented by a 1-D tensor of their
    values, a parameter that trains whole by itself. So is everything that was
    added to the model. The rest of the model no longer requires grad. An
    earlier tuning of the model is undone, and gradients in it are dropped.

    Attributes:
        selected: Selected entries, by parameter name.
        form: Parameter of the model -> parameter for the optimizer.
        names: Parameter of the model (a key of ``form``) -> its name.
        beside: Added parameter -> parameter of the plain model whose rate and
            decay it takes.
        added: Plan of what was added to the model.

    Args:
        model: Model, not wrapped for distribution.
        roles: Role of every parameter of the plain model, by name.
        selection: Selection in this model; may be empty.
        pull: Strength of the pull towards the start, by parameter name;
            parameters that do not train are skipped.
        steps: Coordinates in which selected entries train, by name of the
            weight; the others train as they are.

    Raises:
        ValueError: If the selection or the steps do not fit the model.

    Example:
        >>> from gps_seg.peft import GPS, tune
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Linear(16, 8), 'head': nn.Linear(8, 2)}
        ... )
        >>> tuned = tune(model, GPS(k=2, score='magnitude'), [], seed=0)
        >>> tuned.count()  # the whole tensors are the biases and the head
        {'selected': 16, 'whole': 26}
        >>> [tuple(parameter.shape) for parameter in tuned.parameters()]
        [(16,), (8,), (2, 8), (2,)]
    """

    def __init__(
        self,
        model: nn.Module,
        roles: Mapping[str, Role],
        selection: Selection,
        pull: Mapping[str, float] | None = None,
        steps: Mapping[str, UnitSteps] | None = None,
    ) -> None:
        release(model)
        check_steps(steps or {}, roles)
        self.selected = SelectedWeights(model, selection, steps)
        self._selection = selection
        self._columns = ColumnGradients(self.selected.values())
        self._parameters = list(model.parameters())
        self._token = object()
        self._handles: list[RemovableHandle] = []
        self.form: dict[nn.Parameter, nn.Parameter] = {}
        self.names: dict[nn.Parameter, str] = {}
        self.beside = beside(model)
        self.added = plan_of(model)
        self._additions = list(additions_of(model).values())
        added = added_names(model)
        for name, parameter in model.named_parameters():
            trained: nn.Parameter | None = None
            if name in self.selected:
                trained = self.selected[name].values
            elif name in added or roles[name] is Role.WHOLE:
                trained = parameter
            # A weight without selected entries needs no gradient.
            trains = trained is not None and trained.numel() > 0
            declare(parameter, trains, self._token)
            if trained is not None:
                self.form[parameter] = trained
                self.names[parameter] = name
        self._pull = Pull(pull or {}, dict(self.named_parameters()))

    @property
    def starts(self) -> Mapping[str, Tensor]:
        """Initial values of pulled parameters, by parameter name."""
        return self._pull.starts

    @property
    def steps(self) -> Mapping[str, UnitSteps]:
        """Coordinates in which selected entries train, by weight."""
        return {
            name: entries.coordinates.steps
            for name, entries in self.selected.items()
            if entries.coordinates is not None
        }

    def __repr__(self) -> str:
        count = self.count()
        return (
            f'Trainable({sum(count.values()):,} values: '
            f'{count["selected"]:,} selected entries, {count["whole"]:,} in '
            'whole tensors)'
        )

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters for the optimizer."""
        return iter(self.form.values())

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The same, each with the name of its parameter in the model."""
        return ((self.names[p], trained) for p, trained in self.form.items())

    @property
    def whole(self) -> frozenset[str]:
        """Names of the parameters that train whole."""
        return frozenset(self.names.values()) - self.selected.keys()

    def attach(self, *optimizers: Optimizer) -> None:
        """Write the trained values into the model after each step.

        A step also clears the gradients of the selected entries, which
        ``model.zero_grad()`` does not reach.

        Args:
            *optimizers: Optimizers that together own all of
                :meth:`parameters`; they replace earlier ones.

        Raises:
            ValueError: If a parameter has no owner among them.
        """
        check_all_owned(dict(self.named_parameters()), optimizers)
        self._detach()
        self._handles = [
            optimizer.register_step_post_hook(self._after_step)
            for optimizer in optimizers
        ]

    def compressing(self) -> AbstractContextManager[None]:
        """A context in which linear maps have no dense weight gradient.

        See :meth:`gps_seg.sparse.ColumnGradients.active`. Outside of it the
        gradients are the same, but take longer.

        Raises:
            RuntimeError: If a step was not written, or the model was
                released.
        """
        self.selected.reconcile()
        return self._columns.active()

    def write(self) -> None:
        """Write the trained values into the dense weights, after each step.

        If other code has written into a weight meanwhile, such as by loading
        a checkpoint, the weight keeps those values.

        Raises:
            RuntimeError: If the model was released.
        """
        self.selected.write()

    def read(self) -> None:
        """Read the values from the dense weights.

        This is only needed after writes through ``weight.data``, which
        PyTorch does not count.
        """
        self.selected.read()

    def release(self) -> None:
        """Turn the model into a plain model, and restore ``requires_grad``.

        A second call does nothing, nor does a call after the model has been
        tuned again.
        """
        self._detach()
        self.selected.release()
        give_back(self._parameters, self._token)

    def state_dict(self) -> dict[str, Any]:
        """The selection and its values, as tensors and plain values.

        The tensors that train whole are in the state dict of the model. So
        are the selected values, but rounded if the model has half precision.
        """
        return KeptState(
            indices=dict(self._selection),
            shapes={n: tuple(s) for n, s in self._selection.shapes.items()},
            values={n: e.values.detach() for n, e in self.selected.items()},
            whole=sorted(self.whole),
            pull=dict(self._pull.strengths),
            starts=dict(self.starts),
            added=self.added.to_json(),
            steps={n: one.to_plain() for n, one in self.steps.items()},
        ).to_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state, and write its values into the dense weights.

        Args:
            state: Result of :meth:`state_dict`.

        Raises:
            ValueError: If the state has another selection or pull.
        """
        kept = KeptState.from_dict(state)
        kept.check_is_of(self._selection, self.starts, self.steps)
        for name, entries in self.selected.items():
            if entries.coordinates is not None:
                entries.coordinates.load(kept.unit_steps[name])
            entries.load(kept.values[name])
        for name, start in self.starts.items():
            start.copy_(kept.starts[name])

    @classmethod
    def resumed(
        cls, model: nn.Module, state: Mapping[str, Any]
    ) -> 'Trainable':
        """Restore the object whose :meth:`state_dict` was called.

        Args:
            model: Model of the same architecture, with the same additions,
                and with its state loaded.
            state: Result of :meth:`state_dict`.

        Raises:
            ValueError: If the state is malformed or from another model.
        """
        kept = KeptState.from_dict(state)
        kept.check_added(model)
        trainable = cls(
            model,
            kept.roles(model),
            kept.selection,
            kept.pull,
            kept.unit_steps,
        )
        trainable.load_state_dict(state)
        return trainable

    def penalty(self) -> Tensor | None:
        """What to add to the loss after a forward pass; None for nothing.

        It is the sum of the pull and of the terms of what was added.
        """
        terms = [self._pull.penalty()]
        terms += [addition.penalty() for addition in self._additions]
        present = [term for term in terms if term is not None]
        return torch.stack(present).sum() if present else None

    def _after_step(
        self, optimizer: Optimizer, _args: Any, _kwargs: Any
    ) -> None:
        self.write()
        stepped = owned_by(optimizer)
        for entries in self.selected.values():
            if entries.values in stepped:
                entries.values.grad = None

    def _detach(self) -> None:
        for handle in self._handles:
            handle.remove()

    def count(self) -> dict[str, int]:
        """Number of values that train: selected, and in whole tensors."""
        selected = sum(e.values.numel() for e in self.selected.values())
        trained = sum(parameter.numel() for parameter in self.parameters())
        return {'selected': selected, 'whole': trained - selected}
