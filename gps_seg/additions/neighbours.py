# Copyright (c) gps_seg contributors. Apache-2.0.
"""Parameters of the plain model whose rate and decay new ones take."""

from collections.abc import Mapping

from torch import nn

from gps_seg.additions.hosts import plain_parameters


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
