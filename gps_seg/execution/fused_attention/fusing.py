# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find the attention layers of a model and let them run fused."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from gps_seg.execution.fused_attention import (
    bias_table,
    decomposed_bias,
    mmcv_layer,
    mmpretrain_layer,
)
from gps_seg.execution.fused_attention.packed_projection import (
    attention_forward,
)
from gps_seg.execution.instance_forward import (
    has_own_forward,
    reset_forward,
    set_forward,
)

#: Forwards that throw away the weights of their child ``attn``. A subclass
#: with a forward of its own may use them, so it is known by its code.
_MMCV = 'mmcv.cnn.bricks.transformer.MultiheadAttention.forward'
_WEIGHTS_UNUSED = (
    _MMCV,
    'mmseg.models.backbones.mit.EfficientMultiheadAttention.forward',
)
_BIAS_TABLE = (
    'mmseg.models.backbones.beit.BEiTAttention.forward',
    'mmpretrain.models.utils.attention.BEiTAttention.forward',
)
_DECOMPOSED_BIAS = 'mmpretrain.models.backbones.vit_sam.Attention.forward'
_MMPRETRAIN = 'mmpretrain.models.utils.attention.MultiheadAttention.forward'

_Forwards = Mapping[nn.Module, Callable[..., Any]]


class FusedAttention:
    """A handle of the layers that were changed.

    Attributes:
        layers: Layers whose every call can be fused.

    Args:
        always: These layers, with their forward.
        others: Layers that are fused for calls with ``need_weights=False``
            only, that call a fused one, or that their class fuses, with their
            forward.

    Example:
        >>> layer = nn.MultiheadAttention(8, num_heads=2)
        >>> forward = attention_forward(default=False)
        >>> handle = FusedAttention({layer: forward}, {})
        >>> handle.layers == (layer,)
        True
    """

    def __init__(self, always: _Forwards, others: _Forwards) -> None:
        self.layers = tuple(always)
        self._changed = {**always, **others}
        for layer, forward in self._changed.items():
            set_forward(layer, forward)

    def remove(self) -> None:
        """Give the layers, not their copies, the forward of their class."""
        for layer in self._changed:
            reset_forward(layer)


def fuse_attention(model: nn.Module) -> FusedAttention:
    """Let the attention of a model run without its matrices of weights.

    The function that the model computes stays the same up to rounding, and so
    do its classes, keys and hooks. These layers are changed:

    - ``nn.MultiheadAttention`` in a layer of MMCV or MMSegmentation that
      throws the weights away (ViT, MiT, Twins, heads of transformers). A call
      with ``need_weights=True`` still returns them.
    - Any other ``nn.MultiheadAttention``, for calls with
      ``need_weights=False``.
    - Attention of MMPretrain's ViT, which is fused by its class: its backward
      pass copies less.
    - Attention of BEiT and of MMSegmentation's MAE, unless its table trains.
    - Attention of SAM's image encoder, in windows and over the whole image.

    Where few tokens attend in bfloat16 on a CPU, the gradients of fused layers
    are plain products, see
    :mod:`~gps_seg.execution.fused_attention.product_gradient`.
    Windows of Swin and Twins are left alone: their matrices are small, and in
    bfloat16 the fused backward pass of a CPU takes up to three times as long.
    The dropout of attention weights, if there is any, draws other numbers.
    There is no second derivative, nor one in forward mode.

    Args:
        model: Model; changed in place, and copies of it are, too.

    Returns:
        A handle that undoes it.

    Example:
        >>> import torch
        >>> layer = nn.MultiheadAttention(8, num_heads=2)
        >>> x = torch.randn(4, 1, 8)
        >>> plain, _ = layer(x, x, x, need_weights=False)
        >>> handle = fuse_attention(layer)
        >>> fused, _ = layer(x, x, x, need_weights=False)
        >>> torch.testing.assert_close(fused, plain)
        >>> handle.remove()
    """
    always, others = {}, {}
    for module in model.modules():
        code = _code_of(module)
        if code in _BIAS_TABLE:
            always[module] = bias_table.forward
        elif code == _DECOMPOSED_BIAS:
            always[module] = decomposed_bias.forward
        elif code in _WEIGHTS_UNUSED and _is_packed(module.attn):
            always[module.attn] = attention_forward(default=False)
            if code == _MMCV:
                others[module] = mmcv_layer.forward
        elif code == _MMPRETRAIN:
            others[module] = mmpretrain_layer.forward
        elif _is_packed(module) and module not in always:
            others[module] = attention_forward(default=True)
    return FusedAttention(always, others)


def _is_packed(module: nn.Module) -> bool:
    """Whether a module runs the forward of ``nn.MultiheadAttention``."""
    original = type(module).forward is nn.MultiheadAttention.forward
    return original and not has_own_forward(module)


def _code_of(module: nn.Module) -> str:
    """Name of the function that a module runs."""
    forward = module.forward
    # A forward that a user has set may be a callable object.
    name = getattr(forward, '__qualname__', type(forward).__qualname__)
    return f'{forward.__module__}.{name}'
