# Copyright (c) gps_seg contributors. Apache-2.0.
"""The linear maps of an encoder, and what each of them computes.

A linear map is a weight of ``nn.Linear`` or ``nn.MultiheadAttention``, or the
rows of a packed projection that belong to q, k or v. Convolutions are not
linear maps in this sense, not even those with a kernel of one pixel
(SegFormer's MixFFN).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from gps_seg.additions.places.attention import projections
from gps_seg.additions.places.mlp import mlp_layers
from gps_seg.additions.places.residual import block_modules
from gps_seg.additions.plan import Place
from gps_seg.sparse.checks import check_child
from gps_seg.sparse.roles import Owned, owned_parameters

#: What a linear map computes: the projections of attention, the layers of an
#: MLP, or anything else.
KINDS = ('q', 'k', 'v', 'proj', 'fc1', 'fc2', 'other')

#: Weight of ``nn.MultiheadAttention`` -> what it computes.
_PARAMETERS: Mapping[str, str] = {
    'in_proj_weight': 'qkv',
    'q_proj_weight': 'q',
    'k_proj_weight': 'k',
    'v_proj_weight': 'v',
}


@dataclass(frozen=True)
class LinearMap:
    """A linear map ``y = W x + b`` in an encoder.

    Args:
        weight: Name of the parameter in the model.
        rows: First row and end of the rows of a packed projection that are
            this map; None for the whole weight.
        kind: One of :data:`KINDS`.
        block: Name of the block that it lies in; ``''`` outside of blocks.
        shape: Numbers of its outputs and inputs.

    Example:
        >>> LinearMap('encoder.0.weight', None, 'other', '', (8, 4)).shape
        (8, 4)
    """

    weight: str
    rows: tuple[int, int] | None
    kind: str
    block: str
    shape: tuple[int, int]

    @property
    def place(self) -> Place:
        """The place of an addition to this map."""
        return Place(self.weight, self.rows)


def linear_maps(model: nn.Module, encoder: str) -> list[LinearMap]:
    """All linear maps of an encoder, in module order.

    A weight that several modules share appears once, with its first name. A
    frozen weight is listed as well.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.

    Raises:
        ValueError: If the model has no such child.

    Example:
        >>> model = nn.ModuleDict({'encoder': nn.MultiheadAttention(4, 2)})
        >>> for one in linear_maps(model, 'encoder'):
        ...     print(one.weight, one.rows, one.kind, one.shape)
        encoder.in_proj_weight (0, 4) q (4, 4)
        encoder.in_proj_weight (4, 8) k (4, 4)
        encoder.in_proj_weight (8, 12) v (4, 4)
        encoder.out_proj.weight None proj (4, 4)
    """
    check_child(model, encoder)
    contents = _contents(model.get_submodule(encoder))
    names = [name for name, _, _ in block_modules(model, encoder)]
    return [
        one
        for name, owned in owned_parameters(model)
        if name.startswith(f'{encoder}.') and _is_map(owned)
        for one in _split(
            name,
            owned,
            _PARAMETERS.get(owned.attribute)
            or contents.get(owned.module, 'other'),
            next((n for n in names if name.startswith(f'{n}.')), ''),
        )
    ]


def _contents(encoder: nn.Module) -> dict[nn.Module, str]:
    """What the linear modules of attention layers and MLPs compute."""
    contents: dict[nn.Module, str] = {}
    for module in encoder.modules():
        for name, content in (projections(module) or {}).items():
            contents[module.get_submodule(name)] = content
        layers = mlp_layers(module)
        if layers is not None:
            contents |= {layers[0]: 'fc1', layers[1]: 'fc2'}
    return contents


def _is_map(owned: Owned) -> bool:
    if isinstance(owned.module, nn.MultiheadAttention):
        return owned.attribute in _PARAMETERS
    return isinstance(owned.module, nn.Linear) and owned.attribute == 'weight'


def _split(
    name: str, owned: Owned, content: str, block: str
) -> Iterator[LinearMap]:
    """The maps in a weight: one, or one for each of q, k and v."""
    out, width = owned.parameter.shape
    if content not in ('qkv', 'kv'):
        yield LinearMap(name, None, content, block, (out, width))
        return
    part = out // len(content)
    for i, kind in enumerate(content):
        rows = (i * part, (i + 1) * part)
        yield LinearMap(name, rows, kind, block, (part, width))
