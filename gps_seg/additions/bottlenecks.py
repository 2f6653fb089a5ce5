# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the additions with a bottleneck have in common."""


def check_rank(rank: int, width: int) -> None:
    """Raise ValueError if a bottleneck is wider than what it lies in.

    Args:
        rank: Width of the bottleneck.
        width: Number of channels that it takes.
    """
    if not 1 <= rank <= width:
        raise ValueError(
            f'rank: expected 1 to {width} beside {width} channels, got {rank}.'
        )
