# Copyright (c) gps_seg contributors. Apache-2.0.
"""What competes in SPT: linear maps, convolutions in blocks, and vectors.

The patch embedding, position embeddings and tables are frozen, and class
tokens train whole, as in the paper.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.conv import _ConvNd

from gps_seg.additions import Added
from gps_seg.additions.places import (
    LinearMap,
    blocks,
    linear_maps,
    num_prefix_tokens,
)
from gps_seg.peft.placing.cost import cost_of
from gps_seg.sparse import Owned, Role, gps_roles, owned_parameters
from gps_seg.sparse.threshold import Price

#: Names of class tokens, by convention of the libraries.
_TOKENS = ('cls_token', 'dist_token')

#: Sensitive entries for which a vector trains whole: 1 of 5 (beta = 5).
_BETA = 5

#: Sensitive entries for which a module is added: 1 for 10 values in it
#: (alpha = 10).
_ALPHA = 10


@dataclass(frozen=True)
class Competitor:
    """Entries that are counted together: a linear map, or a whole parameter.

    Args:
        name: Name of the parameter.
        rows: Rows of a packed projection, or all rows.
        size: Number of entries.
        price: Values that train if some of the entries are sensitive.
        module: Module to add if many of them are; None to train the
            parameter whole.
    """

    name: str
    rows: slice
    size: int
    price: Price
    module: Added | None = None


def competing_roles(model: nn.Module, encoder: str) -> dict[str, Role]:
    """The role of each parameter: ``SELECTED`` for those that compete.

    Raises:
        ValueError: If the model has no such encoder.
    """
    roles = gps_roles(model, encoder)
    in_blocks = tuple(f'{one.name}.' for one in blocks(model, encoder))
    maps = {one.weight for one in linear_maps(model, encoder)}
    has_tokens = num_prefix_tokens(model, encoder) > 0
    for name, owned in owned_parameters(model):
        if not name.startswith(f'{encoder}.'):
            continue
        roles[name] = Role.FROZEN
        if not owned.parameter.requires_grad:
            continue
        if has_tokens and owned.attribute in _TOKENS:
            roles[name] = Role.WHOLE
        if name in maps or _competes(owned, name.startswith(in_blocks)):
            roles[name] = Role.SELECTED
    return roles


def competitors(
    model: nn.Module,
    encoder: str,
    weights: Mapping[str, Owned],
    module_at: Callable[[LinearMap], Added],
) -> Iterator[Competitor]:
    """Yield what competes, in module order.

    Args:
        model: Plain model.
        encoder: Name of its pretrained submodule.
        weights: Parameters that compete, by name.
        module_at: Function that describes the module for a linear map.

    Raises:
        ValueError: If a module does not fit its map.
    """
    maps: dict[str, list[LinearMap]] = {}
    for one in linear_maps(model, encoder):
        if one.kind != 'other':
            maps.setdefault(one.weight, []).append(one)
    for name, owned in weights.items():
        size = owned.parameter.numel()
        for one in maps.get(name, ()):
            yield _map(one, module_at(one), owned)
        if name not in maps:
            price = Price(1)
            if owned.parameter.ndim == 1:
                price = Price(0, many=-(-size // _BETA), whole=size)
            yield Competitor(name, slice(None), size, price)


def _map(one: LinearMap, module: Added, owned: Owned) -> Competitor:
    values = cost_of(module, {one.weight: owned.parameter})
    price = Price(1, many=-(-values // _ALPHA), whole=values)
    rows = slice(None) if one.rows is None else slice(*one.rows)
    outputs, inputs = one.shape
    return Competitor(one.weight, rows, outputs * inputs, price, module)


def _competes(owned: Owned, is_in_block: bool) -> bool:
    """Whether it is a convolution in a block, or a vector of other modules."""
    if isinstance(owned.module, _ConvNd):
        return is_in_block
    return owned.parameter.ndim == 1
