# Copyright (c) gps_seg contributors. Apache-2.0.
"""A factor and a shift for each channel that a norm or convolution returns.

``y <- g * y + s`` (SSF, Lian et al., NeurIPS 2022). Like the host's own weight
and bias they act on channels, so they can be folded into these.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.addition import Addition, NotMergeableError

#: Hosts whose outputs have their channels last, and those that have them
#: behind the batch axis.
_LAST = (nn.LayerNorm, nn.RMSNorm)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_SECOND = (*_CONVOLUTIONS, _NormBase, nn.GroupNorm)


class ScaleChannels(Addition):
    """Scale and shift each channel that a norm or convolution returns.

    Args:
        width: Number of channels.
        shift: Whether there is a shift.
        spread: Standard deviation of the initial values, around 1 for the
            factors and around 0 for the shifts.
    """

    def __init__(self, width: int, shift: bool, spread: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.empty(width))
        self.shift = nn.Parameter(torch.empty(width)) if shift else None
        nn.init.normal_(self.factor, 1.0, spread)
        if self.shift is not None:
            nn.init.normal_(self.shift, 0.0, spread)

    def hang(self, host: nn.Module) -> list[RemovableHandle]:
        """Act on the outputs of a norm or convolution of PyTorch.

        Classes that inherit from these are hosts, too.
        """
        if not has_channels(host):
            raise ValueError(
                'scale_channels: expected a norm or convolution of PyTorch '
                f'with a weight for each channel, got {type(host).__name__}.'
            )
        return [host.register_forward_hook(self._scale, with_kwargs=True)]

    def merged(self, host: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """``g * weight`` for each channel, and ``g * bias + s``."""
        weight = host['weight']
        factor = self.factor.view(-1, *[1] * (weight.ndim - 1))
        changed = {'weight': factor * weight}
        if 'bias' in host:
            changed['bias'] = self.factor * host['bias']
        if self.shift is not None:
            if 'bias' not in host:
                raise NotMergeableError(
                    'the host has no bias, and would need one'
                )
            changed['bias'] = changed['bias'] + self.shift
        return changed

    def _scale(
        self,
        host: nn.Module,
        _args: tuple[Tensor, ...],
        kwargs: Mapping[str, Any],
        output: Tensor,
    ) -> Tensor:
        shape = [1] * output.ndim
        shape[_channel_axis(host, kwargs)] = -1
        scaled = output * self.factor.to(output.dtype).view(shape)
        if self.shift is None:
            return scaled
        return scaled + self.shift.to(output.dtype).view(shape)


def has_channels(module: nn.Module) -> bool:
    """Whether channels that a module returns can be scaled.

    Example:
        >>> has_channels(nn.Conv2d(3, 8, 1)), has_channels(nn.GELU())
        (True, False)
    """
    weight = getattr(module, 'weight', None)
    if not isinstance(module, (*_LAST, *_SECOND)) or weight is None:
        return False
    return weight.ndim == 1 or isinstance(module, _CONVOLUTIONS)


def _channel_axis(host: nn.Module, kwargs: Mapping[str, Any]) -> int:
    """Axis of the channels in what the host returns.

    LayerNorms for maps, ``LayerNorm2d``, inherit from LayerNorm, but have the
    channels second; that of MMPretrain also takes maps with channels last.
    """
    is_last = isinstance(host, _LAST) and '2d' not in type(host).__name__
    return -1 if is_last or kwargs.get('data_format') == 'channel_last' else 1
