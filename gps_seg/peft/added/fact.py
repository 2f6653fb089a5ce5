# Copyright (c) gps_seg contributors. Apache-2.0.
"""FacT: updates of all maps with shared factors (Jie and Deng, AAAI 2023).

The maps of all blocks are cut into square parts and stacked to one tensor.
Its update is factorised: part i is changed by ``scale * V S_i U``. The format
says what the small matrices ``S_i`` are: ``'tt'``, tensor train, one for each
part; ``'tk'``, Tucker, mixtures of the slices of one small tensor.

The authors' code also drops units inside of the updates; here nothing is
dropped.
"""

from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Place, Plan
from gps_seg.additions.places import LinearMap, blocks
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_among, check_positive, check_whole

_FORMS = ('tt', 'tk')
_KINDS = ('q', 'k', 'v', 'proj', 'fc1', 'fc2')


@dataclass(frozen=True, kw_only=True)
class FacT(AddsModules):
    """Add updates with shared factors to the maps of a frozen ViT.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        form: Format of the factorisation, ``'tt'`` or ``'tk'``.
        rank: Rank of the updates.
        scale: Factor of the updates.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> from gps_seg.peft import tune
        >>> class Encoder(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.block = nn.TransformerEncoderLayer(8, 2, 16)
        >>> model = nn.ModuleDict({'backbone': Encoder()})
        >>> tune(model, FacT(rank=2), losses=[], seed=0)
        Trainable(64 values: 0 selected entries, 64 in whole tensors)
    """

    form: str = 'tt'
    rank: int = 16
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_among('form', self.form, _FORMS)
        check_whole('rank', self.rank, least=1)
        check_positive('scale', self.scale)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """The factors, at the encoder."""
        width, maps = self._width_and_maps(model)
        start = f'{self.encoder}.'
        settings = {
            'width': width,
            'rank': self.rank,
            'scale': self.scale,
            'core': self.form == 'tk',
            'maps': [
                [str(one.place).removeprefix(start), *one.shape]
                for one in maps
            ],
        }
        place = Place(self.encoder)
        return Plan([Added('shared_low_rank', place, settings)])

    def _width_and_maps(self, model: nn.Module) -> tuple[int, list[LinearMap]]:
        found = blocks(model, self.encoder)
        widths = sorted({block.width for block in found})
        maps = [
            one for block in found for one in block.maps if one.kind in _KINDS
        ]
        sizes = sorted({size for one in maps for size in one.shape})
        if len(widths) != 1 or not maps or any(n % widths[0] for n in sizes):
            kind = type(model.get_submodule(self.encoder)).__name__
            raise ValueError(
                'encoder: expected blocks of one width, as in a ViT, with '
                'linear maps whose sizes are multiples of it, because all '
                f'maps share their factors; got the widths {widths} and the '
                f"sizes {sizes} ('{self.encoder}', {kind}). Choose a method "
                'whose updates share nothing.'
            )
        if self.rank > widths[0]:
            raise ValueError(
                f'rank: expected 1 to {widths[0]}, the width of '
                f"'{self.encoder}', got {self.rank}."
            )
        return widths[0], maps
