# Copyright (c) gps_seg contributors. Apache-2.0.
"""Refuse pretrained weights that do not fit, instead of ignoring them.

MMEngine's ``Pretrained`` initialiser loads what matches and only warns about
the rest, so a backbone may silently start from random weights.  Weights that
our own loaders read (``weights://`` and ``*.safetensors``) must fit exactly;
for every other checkpoint the initialiser stays as MMEngine made it.

It keeps its registered name because MMPretrain's VisionTransformer draws
``pos_embed`` anew, after loading, unless ``init_cfg['type']`` is literally
``'Pretrained'``.
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
        checkpoint: Where the weights are, in any form MMEngine knows.
        prefix: Load only the tensors under this prefix, without it.
        map_location: Device to load onto.
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

    A module's own hooks run first, so a ViT may still resize its position
    embedding to another image size.

    Args:
        module: Receives the values.
        tensors: Name to value, one for each entry of its state dict.
        source: Where they came from, for the error.

    Raises:
        ValueError: If a tensor is missing, left over or of a wrong shape.
    """
    try:
        module.load_state_dict(dict(tensors), strict=True)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'{source}: expected the weights of this '
            f'{type(module).__name__}, got {_difference(module, tensors)}. '
            'Use the checkpoint of this architecture, or correct the '
            'config.'
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
