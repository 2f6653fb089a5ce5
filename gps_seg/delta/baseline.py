# Copyright (c) gps_seg contributors. Apache-2.0.
"""Remember a base by its digests, so that training need not keep a copy."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from gps_seg.delta.change import (
    change_of,
    digest,
    read_entries,
)
from gps_seg.delta.delta import Delta
from gps_seg.delta.info import DeltaInfo
from gps_seg.delta.sources import Source, find_tensors
from gps_seg.sparse import Selection


@dataclass(frozen=True, eq=False)
class Baseline:
    """What must be known of a base to make deltas of it later.

    It is plain data, a few bytes per tensor, and can go into a checkpoint.

    Args:
        selection: The entries that train.
        whole: Names of the tensors that are replaced whole in any case.
        digests: Of the selected entries, the whole parameters and the
            buffers, by name; a tensor that is new in the task has none.
    """

    selection: Selection
    whole: Collection[str]
    digests: Mapping[str, str]

    @classmethod
    def of(
        cls,
        model: nn.Module,
        selection: Selection,
        whole: Collection[str],
        new: Collection[str] = (),
    ) -> 'Baseline':
        """Take the digests of a model that has not been trained yet.

        Args:
            model: With the base's weights.
            selection: Made for this model.
            whole: Names of the parameters that train whole.
            new: Names of the tensors that have no base, such as those of
                a head that was drawn at random. They go into every delta,
                whole, whether they train or not.

        Raises:
            ValueError: If the model has no tensor of a name, or a new one
                has selected entries.
        """
        buffers = model.state_dict().keys() - dict(
            model.named_parameters(remove_duplicate=False)
        )
        watched = {*selection, *whole, *buffers}
        tensors = find_tensors(model, watched | set(new))
        unknown = sorted({*selection, *whole, *new} - tensors.keys())
        if unknown or set(new) & selection.keys():
            raise ValueError(
                'baseline: expected tensors of the model, and new ones among '
                'those of which no entries were selected, got '
                f'{unknown or sorted(set(new) & selection.keys())}.'
            )
        digests = {}
        for name in sorted(tensors.keys() - set(new)):
            values = read_entries(tensors[name], selection.get(name))
            digests[name] = digest(values, tensors[name].shape)
        return cls(selection, tuple(sorted({*whole, *new})), digests)

    def delta(
        self,
        source: Source,
        info: DeltaInfo | None = None,
    ) -> Delta:
        """The delta from the base to the present values.

        Buffers are in it if they changed, trained tensors in any case.

        Args:
            source: The model, or a state dict such as that of the EMA.
            info: Facts about the task.

        Raises:
            ValueError: If a tensor is missing or has a NaN or an infinity.
        """
        always = {*self.selection, *self.whole}
        names = sorted(always | self.digests.keys())
        tensors = find_tensors(source, names)
        missing = [name for name in names if name not in tensors]
        if missing:
            raise ValueError(
                f'baseline: expected all {len(names)} tensors of the base, '
                f'got none for {missing}. Give the whole model.'
            )
        changes = {}
        for name in names:
            change = change_of(
                tensors[name], self.selection.get(name), self.digests.get(name)
            )
            if name in always or not _is_base(tensors[name], change.base):
                changes[name] = change
        return Delta(changes, info or DeltaInfo())


def _is_base(tensor: Tensor, base: str | None) -> bool:
    return digest(read_entries(tensor, None), tensor.shape) == base
