# Copyright (c) gps_seg contributors. Apache-2.0.
"""Load a ViT's pre-training into MMSegmentation's ``VisionTransformer``.

With ``init_cfg=dict(type='Pretrained')`` this backbone loads the tensors whose
names fit, prints the others, and starts from random weights if none fits. Its
names differ from those of MMPretrain's ViT, which the files of this project
have. ``PretrainedViT`` translates the names, resizes the position embedding,
and refuses a file that does not fit.
"""

from collections.abc import Mapping

from mmengine.model import update_init_info
from mmengine.model.weight_init import BaseInit
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import CheckpointLoader
from mmseg.models.backbones import VisionTransformer
from torch import Tensor, nn

from gps_seg.models.strict_init import load_strictly

_RENAMED = {
    'attn.qkv.weight': 'attn.attn.in_proj_weight',
    'attn.qkv.bias': 'attn.attn.in_proj_bias',
    'attn.proj.weight': 'attn.attn.out_proj.weight',
    'attn.proj.bias': 'attn.attn.out_proj.bias',
}
_FINAL_NORM = ('ln1.weight', 'ln1.bias')


@WEIGHT_INITIALIZERS.register_module(name='PretrainedViT')
class PretrainedViTInit(BaseInit):
    """Strict ``Pretrained`` for MMSegmentation's ViT.

    Args:
        checkpoint: ``weights://NAME`` or a ``.safetensors`` file, with the
            names of MMPretrain's ``VisionTransformer``.

    Example::

        model = dict(
            backbone=dict(
                type='VisionTransformer',
                init_cfg=dict(
                    type='PretrainedViT',
                    checkpoint='weights://vit-base-p16_in21k',
                ),
            )
        )
    """

    def __init__(self, checkpoint: str) -> None:
        super().__init__()
        self.checkpoint = checkpoint

    def __call__(self, module: nn.Module) -> None:
        """Fill ``module`` from the checkpoint.

        Raises:
            TypeError: If ``module`` is not MMSegmentation's ViT.
            ValueError: If a tensor is missing, left over or of a wrong shape.
        """
        if not isinstance(module, VisionTransformer):
            raise TypeError(
                'PretrainedViT: expected mmseg.VisionTransformer, got '
                f'{type(module).__module__}.{type(module).__name__} '
                "(init_cfg). For other backbones use type='Pretrained'."
            )
        tensors = CheckpointLoader.load_checkpoint(
            self.checkpoint, map_location='cpu'
        )
        load_strictly(module, to_mmseg(tensors, module), self.checkpoint)
        if hasattr(module, '_params_init_info'):  # MMEngine's log of origins
            update_init_info(module, self._get_init_info())

    def _get_init_info(self) -> str:
        return f'PretrainedViT: load from {self.checkpoint}'


def to_mmseg(
    tensors: Mapping[str, Tensor], vit: VisionTransformer
) -> dict[str, Tensor]:
    """Rename MMPretrain's tensors, and fit them to the config of the ViT.

    The position embedding is resized to the grid of ``vit``. The final norm
    is dropped if ``vit`` has none.

    Args:
        tensors: MMPretrain's name -> tensor; not changed.
        vit: Backbone that is going to load them.
    """
    renamed = {_mmseg_name(name): value for name, value in tensors.items()}
    if not vit.final_norm:
        for name in _FINAL_NORM:
            renamed.pop(name, None)
    embedding = renamed.get('pos_embed')
    if embedding is not None and embedding.ndim == 3:
        renamed['pos_embed'] = _resized(embedding, vit)
    return renamed


def _mmseg_name(name: str) -> str:
    for theirs, ours in _RENAMED.items():
        if name.endswith(theirs):
            return name.removesuffix(theirs) + ours
    return name


def _resized(
    embedding: Tensor,  # shape: (1, 1 + side * side, width)
    vit: VisionTransformer,
) -> Tensor:
    """The embedding for the grid of ``vit``; unchanged if the grid is."""
    side = round((embedding.shape[1] - 1) ** 0.5)
    is_square = side * side == embedding.shape[1] - 1
    if embedding.shape == vit.pos_embed.shape or not is_square:
        return embedding
    grid = tuple(length // vit.patch_size for length in vit.img_size)
    resized: Tensor = vit.resize_pos_embed(
        embedding, grid, (side, side), vit.interpolate_mode
    )
    return resized
