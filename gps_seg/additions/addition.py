# Copyright (c) gps_seg contributors. Apache-2.0.
"""The base class of everything that a method adds to a model."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Protocol

from torch import Tensor, nn

from gps_seg.additions.plan import Added

#: Name of the child in which a module keeps what was added to it.
CHILD = 'added'


class NotMergeableError(ValueError):
    """An addition cannot be folded into the weights of its host.

    Example:
        >>> raise NotMergeableError('it is not linear')
        Traceback (most recent call last):
        gps_seg.additions.addition.NotMergeableError: it is not linear
    """


class Handle(Protocol):
    """What undoes a change of a host, such as a handle of a hook."""

    def remove(self) -> None:
        """Undo it."""


class Addition(nn.Module):
    """A module that hangs on another one, its host.

    It becomes a descendant of the host, so that it moves, is copied and is
    saved with it. Modules, keys and values of the host stay as they are; hooks
    let the addition take part in the host's forward pass. The constructor
    takes plain values only and sets the initial values from torch's CPU
    generator; it runs on the ``meta`` device, too.

    Attributes:
        described: The addition as plain data; set when it is attached.

    Example:
        >>> import torch
        >>> class Shift(Addition):
        ...     def __init__(self, width):
        ...         super().__init__()
        ...         self.shift = nn.Parameter(torch.ones(width))
        ...
        ...     def hang(self, host):
        ...         return [host.register_forward_hook(self._add)]
        ...
        ...     def _add(self, host, args, output):
        ...         return output + self.shift
        >>> host, shift = nn.Identity(), Shift(2)
        >>> _ = shift.hang(host)
        >>> host(torch.zeros(2))
        tensor([1., 1.], grad_fn=<AddBackward0>)
    """

    described: Added

    def hang(self, host: nn.Module) -> Iterable[Handle]:
        """Register the hooks on the host.

        Hooks are bound methods of this object, or objects that refer to it,
        so that a deep copy of the host calls its own addition.

        Args:
            host: Module at the place of the addition.

        Raises:
            ValueError: If the host is not of a kind that the addition takes.
        """
        raise NotImplementedError

    def beside(self, host: nn.Module) -> Mapping[str, nn.Parameter]:
        """Parameters of the plain model whose rate and decay it takes.

        Args:
            host: Module at the place of the addition.

        Returns:
            Name of each parameter of the addition -> parameter of the plain
            model. By default it is the one that :func:`neighbours` finds in
            the host.
        """
        return neighbours(self, plain_parameters(host))

    def merged(self, host: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Tensors of a plain host that computes the same.

        Args:
            host: Tensors of the host, by their names in it; not changed.

        Returns:
            The tensors that change.

        Raises:
            NotMergeableError: If there is no such host; the message completes
                "<kind> cannot be merged: ".
        """
        raise NotMergeableError(
            'it is not a linear function of what the encoder computes, so no '
            'weights of the encoder do the same'
        )

    def coded(self) -> Mapping[str, tuple[Tensor, Tensor]]:
        """Parameters that act by few values, for a file that is smaller.

        Returns:
            Name of the parameter -> codes, in its shape, and levels; the
            addition computes with ``levels[codes]``, and would if these were
            the values of the parameter.
        """
        return {}

    def settle(self) -> None:
        """Compute now what depends on no input, for evaluation alone.

        Exporters trace the rest. By default there is nothing.
        """

    def penalty(self) -> Tensor | None:
        """A term of the loss, after a forward pass; None for no term."""
        return None


class AddedModules(nn.ModuleDict):
    """The additions of one host, by kind and place, and their hooks."""

    def __init__(self) -> None:
        super().__init__()
        self.handles: list[Handle] = []


def added_names(model: nn.Module) -> frozenset[str]:
    """Names of the parameters and buffers that were added to a model.

    A module of the encoder that happens to be called ``added`` has none.

    Args:
        model: Model with or without additions.

    Example:
        >>> from gps_seg.additions import Added, Place, Plan, attach
        >>> model = nn.ModuleDict({'fc': nn.Linear(4, 3)})
        >>> added = Added('scale_inputs', Place('fc.weight'))
        >>> attach(model, Plan([added]), seed=0)
        >>> sorted(added_names(model))
        ['fc.added.scale_inputs.factor']
    """
    return frozenset(
        f'{name}.{own}'
        for name, module in model.named_modules()
        if isinstance(module, AddedModules)
        for own, _ in chain(module.named_parameters(), module.named_buffers())
    )


def plain_parameters(host: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a module without what was added, by name."""
    added = added_names(host)
    return {
        name: parameter
        for name, parameter in host.named_parameters()
        if name not in added
    }


def neighbours(
    addition: nn.Module, plain: Mapping[str, nn.Parameter]
) -> dict[str, nn.Parameter]:
    """The plain parameter of the same kind, matrix or vector, for each new.

    A matrix belongs to the weights of layers. Configs often give tokens,
    position embeddings and tables of relative positions no weight decay, so
    these are the last choice.

    Args:
        addition: Module with the new parameters.
        plain: Candidates, in order of preference.

    Returns:
        Name of each new parameter -> the first candidate of its kind: for a
        matrix a weight, or else any matrix; for a vector any vector. If there
        is none, the first of all.

    Raises:
        ValueError: If there is no candidate.
    """
    if not plain:
        raise ValueError(
            'additions: expected a host with parameters, whose rate and decay '
            f'the new ones take, got none ({type(addition).__name__}).'
        )

    everything = list(plain.values())
    matrices = [p for p in everything if p.ndim > 1]
    weights = [p for n, p in plain.items() if p.ndim > 1 and _is_weight(n)]
    vectors = [p for p in everything if p.ndim < 2]

    def nearest(new: nn.Parameter) -> nn.Parameter:
        alike = weights or matrices if new.ndim > 1 else vectors
        return (alike or everything)[0]

    return {name: nearest(new) for name, new in addition.named_parameters()}


def neighbours_by_part(
    addition: nn.Module, host: nn.Module, parts: Mapping[str, str]
) -> dict[str, nn.Parameter]:
    """:func:`neighbours` for an addition with parts at several places.

    Args:
        addition: Module with the new parameters.
        host: Its host.
        parts: Child of the addition -> child of the host, whose parameters
            are the candidates.
    """
    return {
        f'{part}.{name}': parameter
        for part, place in parts.items()
        for name, parameter in neighbours(
            addition.get_submodule(part),
            plain_parameters(host.get_submodule(place)),
        ).items()
    }


def _is_weight(name: str) -> bool:
    """Whether a matrix is the weight of a layer, maybe a packed one."""
    return name.endswith('weight')
