# Copyright (c) gps_seg contributors. Apache-2.0.
"""Whether the formulas, and the costs by two depths, are right.

Each check is a ratio that should be 1.
"""

from gps_seg.benchmark.growth.block_costs import (
    BIAS,
    FULL,
    Maps,
    Method,
    gps,
    lora,
    saved_bytes,
)
from gps_seg.benchmark.growth.curves import (
    QUANTITIES,
    parts_of,
    selections_of,
    value_of,
)
from gps_seg.benchmark.growth.hosts import VITS
from gps_seg.benchmark.growth.measuring import Results
from gps_seg.benchmark.growth.points import (
    COMMON,
    RANK,
    Axes,
    Host,
    at_depth,
)

#: Last parts of the names of a block's weights, in the order of ``Maps``.
_WEIGHTS = Maps('attn.qkv', 'attn.proj', 'ffn.layers.0.0', 'ffn.layers.1')


def formula_over_counter(axes: Axes, results: Results) -> dict[str, float]:
    """Saved bytes of the blocks by formula over those that were counted.

    The blocks are those that the deeper of two models has more.
    """
    found = {}
    hosts = {host.key: host for host in (*axes.at_sizes(), *axes.at_widths())}
    for host in hosts.values():
        for row in COMMON:
            parts = parts_of(host, row, 'saved', axes, results)
            if parts is not None:
                blocks = axes.depths[1] - axes.depths[0]
                formula = _more(host, row, axes, results) / blocks
                name = f'{host.name}, {host.size} px, {row}'
                found[name] = formula / parts[1]
    return found


def _more(host: Host, row: str, axes: Axes, results: Results) -> float:
    """Bytes by formula of the deeper model over those of the other."""
    low, high = (
        _blocks_of(at_depth(host, depth), row, results)
        for depth in axes.depths
    )
    block = VITS[host.name].block(host.size)
    return sum(saved_bytes(block, method, value=4) for method in high) - sum(
        saved_bytes(block, method, value=4) for method in low
    )


def _blocks_of(host: Host, row: str, results: Results) -> list[Method]:
    """The method in each block of a ViT."""
    assert host.blocks is not None  # one of the axes of ViTs
    if row != 'gps':
        same = {'bias': BIAS, 'full': FULL, 'lora': lora(RANK)}
        return [same[row]] * host.blocks
    columns = selections_of(host, results)[0]['columns']
    return [gps(_shares(columns, number)) for number in range(host.blocks)]


def _shares(columns: dict[str, tuple[int, int]], number: int) -> Maps[float]:
    """Shares of the columns of one block that hold a selected entry."""
    counted = (
        columns[f'backbone.layers.{number}.{weight}.weight']
        for weight in _WEIGHTS
    )
    return Maps(*(distinct / fan_in for distinct, fan_in in counted))


def depths_over_whole(axes: Axes, results: Results) -> dict[str, float]:
    """Cost of a whole ViT by two depths over that which was measured."""
    whole, found = axes.whole(), {}
    for quantity in QUANTITIES:
        for row in COMMON:
            parts = parts_of(whole, row, quantity, axes, results)
            measured = value_of(whole, row, quantity, results)
            if parts is not None and measured:
                derived = parts[0] + axes.full_depth * parts[1]
                found[f'{quantity}, {row}'] = derived / measured
    return found
