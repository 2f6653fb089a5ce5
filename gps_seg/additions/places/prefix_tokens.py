# Copyright (c) gps_seg contributors. Apache-2.0.
"""Count the tokens that a ViT puts before those of the patches."""

from collections.abc import Iterator

from torch import Tensor, nn

from gps_seg.additions.places.residual import block_modules
from gps_seg.sparse.checks import check_child

#: Parameters of shape (1, number, C), in MMSegmentation, MMPretrain, timm and
#: DINOv2; None where a token is left out.
_TOKENS = ('cls_token', 'dist_token', 'register_tokens', 'reg_token')


def num_prefix_tokens(model: nn.Module, encoder: str) -> int:
    """Number of tokens before the patch tokens in the blocks of a ViT.

    These are class tokens, distillation tokens and registers. An encoder
    without such tokens has 0. All blocks must have them: XCiT, whose class
    token joins late, is no plain ViT.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.

    Raises:
        ValueError: If the model has no such child.

    Example:
        >>> import torch
        >>> vit = nn.Module()
        >>> vit.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
        >>> num_prefix_tokens(nn.ModuleDict({'encoder': vit}), 'encoder')
        1
    """
    check_child(model, encoder)
    for module in _above_blocks(model, encoder):
        tokens = [getattr(module, name, None) for name in _TOKENS]
        counts = [t.shape[1] for t in tokens if isinstance(t, Tensor)]
        if counts:
            # MMSegmentation's ViT keeps a class token that it does not use.
            is_used = getattr(module, 'with_cls_token', True)
            return sum(counts) if is_used else 0
    return 0


def _above_blocks(model: nn.Module, encoder: str) -> Iterator[nn.Module]:
    """Yield the encoder, and the modules in it that contain its blocks."""
    yield model.get_submodule(encoder)
    first = next((n for n, _, _ in block_modules(model, encoder)), encoder)
    path = first.split('.')
    for end in range(len(encoder.split('.')) + 1, len(path)):
        yield model.get_submodule('.'.join(path[:end]))
