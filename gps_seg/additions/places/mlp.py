# Copyright (c) gps_seg contributors. Apache-2.0.
"""Recognise an MLP by its first and its last layer.

The layers are linear, or convolutions with a kernel of one pixel as in
SegFormer's MixFFN.
"""

from collections.abc import Iterator

from torch import nn

#: Names of the first and the last layer, by convention of the libraries.
_PAIRS = (
    ('fc1', 'fc2'),
    ('linear1', 'linear2'),
    ('lin1', 'lin2'),
    ('w12', 'w3'),  # SwiGLU
    ('pointwise_conv1', 'pointwise_conv2'),  # ConvNeXt
)

Layer = nn.Linear | nn.Conv2d


def mlp_layers(module: nn.Module) -> tuple[Layer, Layer] | None:
    """The first and the last layer of an MLP.

    Args:
        module: Any module.

    Returns:
        The two layers, or None if the module has no two such layers of its
        own, or if they do not lead back to the width of the input.

    Example:
        >>> mlp = nn.ModuleDict(
        ...     {'fc1': nn.Linear(4, 16), 'fc2': nn.Linear(16, 4)}
        ... )
        >>> first, last = mlp_layers(mlp)
        >>> first.out_features, last.out_features
        (16, 4)
    """
    children = dict(module.named_children())
    candidates = [
        [children[name] for name in pair if name in children]
        for pair in _PAIRS
    ]
    layers = children.get('layers')
    if isinstance(layers, nn.Sequential):  # FFN of MMCV
        candidates.append(list(_shallow(layers)))
    for modules in candidates:
        found = [m for m in modules if _is_pointwise(m)]
        if len(found) > 1 and _width(found[0])[0] == _width(found[-1])[1]:
            return found[0], found[-1]  # type: ignore[return-value]
    return None


def mlp_width(module: nn.Module) -> int | None:
    """Number of channels that an MLP takes and returns; None if it is none."""
    layers = mlp_layers(module)
    return None if layers is None else _width(layers[1])[1]


def _shallow(layers: nn.Sequential) -> Iterator[nn.Module]:
    """Modules of a sequence, and of the sequences in it."""
    for layer in layers:
        if isinstance(layer, nn.Sequential):
            yield from layer
        else:
            yield layer


def _is_pointwise(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.kernel_size == (1, 1) and module.groups == 1
    return isinstance(module, nn.Linear)


def _width(layer: nn.Module) -> tuple[int, int]:
    """Numbers of channels that a layer takes and returns."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    assert isinstance(layer, nn.Conv2d)
    return layer.in_channels, layer.out_channels
