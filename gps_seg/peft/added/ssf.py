# Copyright (c) gps_seg contributors. Apache-2.0.
"""SSF: scale and shift what each layer returns (Lian et al., NeurIPS 2022).

``y <- g * y + s`` for each channel of every linear map, convolution and norm
of the encoder. The initial values are drawn around 1 and 0, as the authors
do, so that the encoder is perturbed a little at the start.

A layer without a bias of its own is scaled alone, so that everything can be
merged. The reduction of Swin's patch merging is not touched: as in the
authors' code, the norm before it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from gps_seg.additions import Added, Place, Plan
from gps_seg.additions.kinds.features.scale_channels import has_channels
from gps_seg.additions.places import linear_maps
from gps_seg.additions.weight_forms import bias_name
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_positive


@dataclass(frozen=True, kw_only=True)
class SSF(AddsModules):
    """Scale and shift what each layer of a frozen encoder returns.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        spread: Standard deviation of the initial values; 0 for an encoder
            that first computes what it did before.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> from gps_seg.peft import tune
        >>> backbone = nn.Sequential(nn.Linear(16, 8), nn.LayerNorm(8))
        >>> model = nn.ModuleDict({'backbone': backbone})
        >>> tune(model, SSF(), losses=[], seed=0)
        Trainable(32 values: 0 selected entries, 32 in whole tensors)
    """

    spread: float = 0.02

    def __post_init__(self) -> None:
        check_positive('spread', self.spread, or_zero=True)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """A scale and a shift for each layer."""
        plan = Plan([*self._at_maps(model), *self._at_channels(model)])
        if not len(plan):
            raise ValueError(
                'encoder: expected linear maps, convolutions or norms to '
                f"scale in '{self.encoder}', got none."
            )
        return plan

    def _at_maps(self, model: nn.Module) -> Iterator[Added]:
        parameters = dict(model.named_parameters())
        for one in linear_maps(model, self.encoder):
            owner, _, attribute = one.weight.rpartition('.')
            shift = f'{owner}.{bias_name(attribute)}' in parameters
            if shift or one.kind != 'other':
                yield Added('scale_outputs', one.place, self._settings(shift))

    def _at_channels(self, model: nn.Module) -> Iterator[Added]:
        encoder = model.get_submodule(self.encoder)
        for name, module in encoder.named_modules(prefix=self.encoder):
            if has_channels(module):
                shift = getattr(module, 'bias', None) is not None
                settings = self._settings(shift)
                settings['width'] = len(module.get_parameter('weight'))
                yield Added('scale_channels', Place(name), settings)

    def _settings(self, shift: bool) -> dict[str, Any]:
        return {'shift': shift, 'spread': self.spread}
