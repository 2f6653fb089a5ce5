# Copyright (c) gps_seg contributors. Apache-2.0.
"""Refuse pretrained weights that do not fit, instead of ignoring them.

MMEngine's ``Pretrained`` initialiser loads the tensors that match and only
warns about the others, so a backbone may start from random weights unnoticed.
Weights from our own loaders (``weights://`` and ``*.safetensors``) must fit
exactly. Other checkpoints are loaded as MMEngine does.

The initialiser keeps its registered name because MMPretrain's
VisionTransformer initialises ``pos_embed`` after loading, unless
``init_cfg['type']`` is literally ``'Pretrained'``.
"""

from collections.abc import Mapping

from mmengine.model import PretrainedInit, update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from gps_seg.models.weights import SCHEME

_SHOWN = 3


@WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
class StrictPretrainedInit(PretrainedInit):
    """``Pretrained`` that is strict about this project's weights.

    Args:
        checkpoint: Path or URL of the weights, in any form of MMEngine.
        prefix: Prefix of the tensors to load, which is removed; None loads
            all.
        map_location: Device to load onto.

    Example::

        model = dict(
            backbone=dict(
                init_cfg=dict(
                    type='Pretrained',
                    checkpoint='weights://vit-small-p14_dinov2',
                )
            )
        )
    """

    def __call__(self, module: nn.Module) -> None:
        """Fill ``module`` from the checkpoint."""
        if self.checkpoint.startswith(SCHEME) or self.checkpoint.endswith(
            '.safetensors'
        ):
            self._load_strictly(module)
        else:
            super().__call__(module)

    def _load_strictly(self, module: nn.Module) -> None:
        tensors = CheckpointLoader.load_checkpoint(
            self.checkpoint, self.map_location
        )
        if self.prefix is not None:
            tensors = _under_prefix(tensors, self.prefix, self.checkpoint)
        load_strictly(module, tensors, self.checkpoint)
        if hasattr(module, '_params_init_info'):  # MMEngine's log of origins
            update_init_info(module, self._get_init_info())


def load_strictly(
    module: nn.Module, tensors: Mapping[str, Tensor], source: str
) -> None:
    """Load tensors that must fill the module exactly.

    The hooks of the module run first, so a ViT may still resize its position
    embedding to another image size.

    Args:
        module: Module to fill.
        tensors: Name -> value, one for each entry of its state dict.
        source: Origin of the tensors, for the error.

    Raises:
        ValueError: If a tensor is missing, left over or of a wrong shape.

    Example:
        >>> layer = nn.Linear(1, 1)
        >>> load_strictly(layer, {'weight': layer.weight}, 'linear.pth')
        Traceback (most recent call last):
        ValueError: linear.pth: expected the weights of this Linear, got 1 ...
    """
    try:
        module.load_state_dict(dict(tensors), strict=True)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'{source}: expected the weights of this '
            f'{type(module).__name__}, got {_difference(module, tensors)}. '
            'Use the checkpoint of this architecture, or correct the config.'
        ) from error


def _under_prefix(
    tensors: Mapping[str, Tensor], prefix: str, source: str
) -> dict[str, Tensor]:
    prefix = prefix.rstrip('.') + '.'
    inner = {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    if not inner:
        raise ValueError(
            f'prefix: expected names that start with {prefix!r}, got '
            f'{", ".join(list(tensors)[:_SHOWN])}, ... ({source}). Correct '
            'or remove the prefix.'
        )
    return inner


def _difference(module: nn.Module, tensors: Mapping[str, Tensor]) -> str:
    """One line: what is missing, left over or of another shape."""
    wanted = module.state_dict()
    shapes = [
        f'{name} {tuple(tensors[name].shape)} for {tuple(value.shape)}'
        for name, value in wanted.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    groups = {
        'missing': [name for name in wanted if name not in tensors],
        'left over': [name for name in tensors if name not in wanted],
        'of another shape': shapes,
    }
    return '; '.join(
        f'{len(names)} {kind} ({", ".join(names[:_SHOWN])}'
        f'{", ..." if len(names) > _SHOWN else ""})'
        for kind, names in groups.items()
        if names
    )
