# Copyright (c) gps_seg contributors. Apache-2.0.
"""What of a model trains: the bridge from a method to an optimizer."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from gps_seg.peft.method import PeftMethod
from gps_seg.sparse import (
    ColumnGradients,
    Evidence,
    Owned,
    Role,
    RunningSums,
    SelectedWeights,
    Selection,
    owned_parameters,
    running_sums,
    undisturbed,
)


def weights_to_select(
    model: nn.Module, roles: Mapping[str, Role]
) -> dict[str, Owned]:
    """The weights of which a method selects entries, by name."""
    return {
        name: owned
        for name, owned in owned_parameters(model)
        if roles[name] is Role.SELECTED
    }


class Trainable:
    """The parameters of a model that train, each in the form that trains.

    A weight of which entries were selected is represented by the 1-D tensor
    of their values, a tensor that trains whole by itself; the rest of the
    model no longer requires grad.

    Attributes:
        selected: The selected entries, by parameter name.
        form: Parameter of the model -> parameter for the optimizer.
        names: Name in the model of each key of ``form``.
        starts: Values at the start of what is pulled towards it, by name.

    Args:
        model: The model, not wrapped for distribution.
        roles: Role of every parameter, by name.
        selection: Made for this model; may be empty.
        pull: Strength of the pull towards the start, by parameter name;
            names of parameters that do not train are passed over.
    """

    def __init__(
        self,
        model: nn.Module,
        roles: Mapping[str, Role],
        selection: Selection,
        pull: Mapping[str, float] | None = None,
    ) -> None:
        self.selected = SelectedWeights(model, selection)
        self._columns = ColumnGradients(self.selected.values())
        self.form: dict[nn.Parameter, nn.Parameter] = {}
        self.names: dict[nn.Parameter, str] = {}
        for name, parameter in model.named_parameters():
            trained: nn.Parameter | None = None
            if name in self.selected:
                trained = self.selected[name].values
            elif roles[name] is Role.WHOLE:
                trained = parameter
            parameter.requires_grad_(trained is not None)
            if trained is not None:
                self.form[parameter] = trained
                self.names[parameter] = name
        self._pull = {
            name: strength
            for name, strength in (pull or {}).items()
            if name in self.names.values()
        }
        self.starts = {
            name: trained.detach().clone() for name, trained in self._pulled()
        }

    def parameters(self) -> Iterator[nn.Parameter]:
        """What an optimizer should be given."""
        return iter(self.form.values())

    def compressing(self) -> AbstractContextManager[None]:
        """Where forward and backward passes form no dense gradient.

        See :meth:`gps_seg.sparse.ColumnGradients.active`. Passes outside give
        the same gradients and take longer.
        """
        return self._columns.active()

    def write(self) -> None:
        """Put the trained values into the dense weights, after each step."""
        self.selected.write()

    def penalty(self) -> Tensor | None:
        """What to add to the loss, ``sum strength * |w - start|^2`` (L2-SP).

        Li et al., *Explicit Inductive Bias for Transfer Learning with
        Convolutional Networks*, ICML 2018, over the values that train. None
        if nothing is pulled.
        """
        terms = [
            self._pull[name] * (trained - self.starts[name]).square().sum()
            for name, trained in self._pulled()
        ]
        return torch.stack(terms).sum() if terms else None

    def _pulled(self) -> Iterator[tuple[str, nn.Parameter]]:
        for parameter, name in self.names.items():
            if name in self._pull:
                yield name, self.form[parameter]

    def count(self) -> dict[str, int]:
        """How many values train: selected entries, and in tensors whole."""
        selected = sum(e.values.numel() for e in self.selected.values())
        trained = sum(parameter.numel() for parameter in self.parameters())
        return {'selected': selected, 'whole': trained - selected}


def tune(
    model: nn.Module,
    method: PeftMethod,
    losses: Iterable[Callable[[], Tensor]],
    seed: int,
) -> Trainable:
    """Select in a plain torch model and freeze what does not train.

    Args:
        model: Left as it was but for ``requires_grad``.
        method: Such as ``GPS(k=1)``.
        losses: One function per batch of training data; each runs the model
            and gives the scalar loss. Called only if the method wants
            gradients.
        seed: For methods that draw at random.

    Raises:
        ValueError: If the method does not fit the model, or a loss is not
            finite.
    """
    roles = method.roles(model)
    weights = weights_to_select(model, roles)
    method.check(weights)

    def passes(evidence: Evidence) -> Generator[RunningSums, None, None]:
        parameters = {name: owned.parameter for name, owned in weights.items()}
        with undisturbed(model):
            yield from running_sums(
                parameters, (loss() for loss in losses), evidence
            )

    choice = method.choose(weights, passes, seed)
    return Trainable(model, roles, choice.selection, method.pull(model))
