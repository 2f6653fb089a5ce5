# Copyright (c) gps_seg contributors. Apache-2.0.
"""Any model of timm as a backbone.

MMSegmentation has a ``TIMMBackbone``. It downloads weights while it is built,
which also a model that a checkpoint or a delta will fill has to do, and fails
with a long trace where there is no network. It reads no local file by name,
does not resize what a file has for another size of image, and puts a prefix
before timm's names. So it is not used here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule, update_init_info
from mmseg.registry import MODELS
from torch import Tensor

from gps_seg.models.strict_init import load_strictly
from gps_seg.models.timm_backbone.building import (
    create,
    norms_each_map,
    pruned,
)
from gps_seg.models.timm_backbone.loading import pretrained


@MODELS.register_module()
class TimmFeatures(BaseModule):
    """Feature maps of a model of timm.

    The names in its state dict are those of timm's model. What lies behind
    the last map is left out. In a plain ViT (DINOv2, DINOv3, EVA-02, SigLIP)
    the last norm is applied to each map.

    Args:
        model_name: Name of the model in timm.
        out_indices: Indices of the blocks of a plain ViT, or of the stages of
            another model, whose features are returned.
        img_size: Height and width of the images, or one number for both, for
            a model that knows one size; None for the size of its pretraining,
            or any size.
        init_cfg: ``dict(type='Pretrained', checkpoint=...)`` with
            ``timm://NAME``, ``weights://NAME`` or a file; None for random
            weights.
        **settings: Further arguments of ``timm.create_model``.

    Raises:
        ImportError: If timm is not installed.
        ValueError: If timm has no such model, or it does not take the
            settings.

    Example::

        model = dict(
            backbone=dict(
                type='TimmFeatures',
                model_name='vit_small_patch16_dinov3',
                out_indices=(2, 5, 8, 11),
                img_size=(256, 256),
                init_cfg=dict(
                    type='Pretrained',
                    checkpoint='timm://vit_small_patch16_dinov3.lvd1689m',
                ),
            )
        )
    """

    def __init__(
        self,
        model_name: str,
        out_indices: Sequence[int],
        img_size: int | Sequence[int] | None = None,
        init_cfg: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(None if init_cfg is None else dict(init_cfg))
        if img_size is not None:
            settings['img_size'] = _both_sides(img_size)
        self.model_name, self.settings = model_name, settings
        model, self.out_indices = pruned(
            create(model_name, settings), tuple(out_indices)
        )
        # As a child it would put a prefix before all names. So the registries
        # are shared instead: each change of one is a change of the other.
        object.__setattr__(self, 'timm_model', model)
        for registry in _REGISTRIES:
            object.__setattr__(self, registry, getattr(model, registry))

    def forward(
        self,
        images: Tensor,  # shape: (B, 3, H, W)
    ) -> tuple[Tensor, ...]:  # shape of each: (B, C, H', W')
        """The feature maps, in the order of the blocks or stages."""
        model: Any = self.timm_model
        return tuple(
            model.forward_intermediates(
                images,
                indices=list(self.out_indices),
                norm=norms_each_map(model),
                output_fmt='NCHW',
                intermediates_only=True,
            )
        )

    def train(self, mode: bool = True) -> 'TimmFeatures':
        """Set the mode of timm's model, too."""
        self.timm_model.training = mode
        super().train(mode)
        return self

    def init_weights(self) -> None:
        """Load what ``init_cfg`` names; without it timm's values stay.

        Raises:
            FileNotFoundError: If there is neither a file nor a download.
            ValueError: If the weights do not fit, or ``init_cfg`` is of
                another type.
        """
        if self.init_cfg is None or self.is_init:
            return
        checkpoint = _checkpoint(self.init_cfg)
        source, _ = pruned(
            pretrained(checkpoint, self.model_name, self.settings),
            self.out_indices,
        )
        load_strictly(self, source.state_dict(), checkpoint)
        if hasattr(self, '_params_init_info'):  # MMEngine's log of origins
            update_init_info(self, f'Pretrained: load from {checkpoint}')
        self._is_init = True


_REGISTRIES = (
    '_parameters',
    '_buffers',
    '_modules',
    '_non_persistent_buffers_set',
)


def _both_sides(img_size: int | Sequence[int]) -> tuple[int, int]:
    if isinstance(img_size, int):
        return img_size, img_size
    height, width = img_size
    return height, width


def _checkpoint(init_cfg: Mapping[str, Any]) -> str:
    if init_cfg.keys() != {'type', 'checkpoint'} or (
        init_cfg['type'] != 'Pretrained'
    ):
        raise ValueError(
            "init_cfg: expected dict(type='Pretrained', checkpoint=...) or "
            f'None for TimmFeatures, got {dict(init_cfg)}.'
        )
    return str(init_cfg['checkpoint'])
