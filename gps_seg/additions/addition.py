# Copyright (c) gps_seg contributors. Apache-2.0.
"""The base class of everything that a method adds to a model."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from gps_seg.additions.hosts import Handle, plain_parameters
from gps_seg.additions.neighbours import neighbours
from gps_seg.additions.plan import Added


class NotMergeableError(ValueError):
    """An addition cannot be folded into the weights of its host.

    Example:
        >>> raise NotMergeableError('it is not linear')
        Traceback (most recent call last):
        gps_seg.additions.addition.NotMergeableError: it is not linear
    """


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
