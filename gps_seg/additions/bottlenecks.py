# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the additions with a bottleneck have in common."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from gps_seg.sparse.checks import check_among


def check_rank(rank: int, width: int) -> None:
    """Raise ValueError if a bottleneck is wider than what it lies in.

    Args:
        rank: Width of the bottleneck.
        width: Number of channels that it takes.
    """
    if not 1 <= rank <= width:
        raise ValueError(
            f'rank: expected 1 to {width}, the number of channels, got {rank}.'
        )


def initialise(down: nn.Linear, up: nn.Linear, init: str) -> None:
    """Set the initial values of the two maps of a bottleneck.

    Args:
        down: Map into the bottleneck.
        up: Map out of it.
        init: Key of :data:`INITIAL_VALUES`.

    Raises:
        ValueError: If the key is unknown; the known ones are listed.
    """
    check_among('init', init, INITIAL_VALUES)
    into, out_of, biases = INITIAL_VALUES[init]
    into(down.weight)
    out_of(up.weight)
    for one in (down.bias, up.bias):
        biases(one)


def _near_zero(weight: Tensor) -> Tensor:
    """A normal distribution, cut off at two standard deviations."""
    return nn.init.trunc_normal_(weight, std=1e-2, a=-2e-2, b=2e-2)


def _tiny(bias: Tensor) -> Tensor:
    return nn.init.normal_(bias, std=1e-6)


_Init = Callable[[Tensor], Tensor]

#: Initial values of the map into a bottleneck, of the map out of it, and of
#: their biases. The names are in files: they must not change.
INITIAL_VALUES: Mapping[str, tuple[_Init, _Init, _Init]] = {
    'zero_up': (nn.init.xavier_uniform_, nn.init.zeros_, nn.init.zeros_),
    'near_zero': (_near_zero, _near_zero, nn.init.zeros_),
    'xavier': (nn.init.xavier_uniform_, nn.init.xavier_uniform_, _tiny),
    'vpt_zero': (nn.init.zeros_, nn.init.zeros_, nn.init.zeros_),
}
