# Copyright (c) gps_seg contributors. Apache-2.0.
"""The base class of everything that a method adds to a model."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from torch import Tensor, nn

from gps_seg.additions.plan import Added

#: Name of the child in which a module keeps what was added to it.
CHILD = 'added'


class NotMergeableError(ValueError):
    """An addition cannot be folded into the weights of its host."""


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
            model. By default a matrix takes the first matrix of the host, and
            a vector its first vector.
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


def plain_parameters(host: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a module without what was added, by name."""
    return {
        name: parameter
        for name, parameter in host.named_parameters()
        if not is_added(name)
    }


def is_added(name: str) -> bool:
    """Whether a parameter or buffer of this name was added to the model.

    Example:
        >>> is_added('backbone.fc.added.low_rank.a')
        True
        >>> is_added('backbone.fc.weight')
        False
    """
    return CHILD in name.split('.')[:-1]


def neighbours(
    addition: nn.Module, plain: Mapping[str, nn.Parameter]
) -> dict[str, nn.Parameter]:
    """The plain parameter of the same kind, matrix or vector, for each new.

    Args:
        addition: Module with the new parameters.
        plain: Candidates, in order of preference.

    Returns:
        Name of each new parameter -> the first candidate of its kind, or the
        first of all if there is none.

    Raises:
        ValueError: If there is no candidate.
    """
    if not plain:
        raise ValueError(
            'additions: expected a host with parameters, whose rate and decay '
            f'the new ones take, got none ({type(addition).__name__}).'
        )

    def nearest(new: nn.Parameter) -> nn.Parameter:
        candidates = list(plain.values())
        alike = [p for p in candidates if (p.ndim > 1) == (new.ndim > 1)]
        return (alike or candidates)[0]

    return {name: nearest(new) for name, new in addition.named_parameters()}
