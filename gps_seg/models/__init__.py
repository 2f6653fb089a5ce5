# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pretrained weights of backbones: download, reading and strict loading.

Importing it registers the loaders ``weights://NAME`` and ``*.safetensors``,
makes the initialiser ``Pretrained`` strict about weights from them, adds
``PretrainedViT`` for MMSegmentation's ViT, the backbone ``TimmFeatures`` and
the ``SAMHead``, and restricts the reading of ``.pth`` files to content that
cannot run code.
"""

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.models import mmengine_loading as mmengine_loading
from gps_seg.models.restricted_loading import read_checkpoint
from gps_seg.models.sam.head import SAMHead
from gps_seg.models.soft_iou_loss import SoftIoULoss
from gps_seg.models.strict_init import (
    StrictPretrainedInit,
    load_strictly,
)
from gps_seg.models.timm_backbone.features import TimmFeatures
from gps_seg.models.vit_init import PretrainedViTInit
from gps_seg.models.weights import find_weights

__all__ = [
    'PretrainedViTInit',
    'SAMHead',
    'SoftIoULoss',
    'StrictPretrainedInit',
    'TimmFeatures',
    'find_weights',
    'load_strictly',
    'read_checkpoint',
]
