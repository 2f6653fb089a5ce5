# Copyright (c) gps_seg contributors. Apache-2.0.
"""Remember a base by its digests, so that training needs no copy of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from gps_seg.delta.base.sources import Source, all_tensors, find_tensors
from gps_seg.delta.change import (
    change_of,
    digest,
    entries_of,
    tensor_digest,
)
from gps_seg.delta.coding import with_codes
from gps_seg.delta.delta import Delta
from gps_seg.delta.fingerprint import short, sketches_of
from gps_seg.delta.info import DeltaInfo
from gps_seg.delta.sketch import Sketch
from gps_seg.sparse import Selection


@dataclass(frozen=True, eq=False)
class Baseline:
    """The facts about a base that are needed to make deltas later.

    They are plain data, a few bytes per tensor, and fit into a checkpoint.

    Args:
        selection: Entries that train.
        whole: Names of the tensors that are always replaced whole; a tied
            tensor appears under all its names.
        digests: Digests of the selected entries, the whole parameters and the
            buffers, by name; a new tensor has none.
        fingerprint: Digests of all whole tensors of the base, by name; None
            for a checkpoint of version 0.1 without them.
        tied: Further names of the weights with selected entries, each with
            the name in the selection. A delta has the entries under every
            name, so that it also fits weights that were saved separately.
        sketches: Sketches of the tensors that may stay unchanged, by name;
            see :class:`~gps_seg.delta.Delta`.

    Example:
        >>> import torch
        >>> model = nn.Linear(4, 2)
        >>> shapes = {'weight': model.weight.shape}
        >>> selection = Selection({'weight': torch.tensor([0, 5])}, shapes)
        >>> baseline = Baseline.of(model, selection, whole=['bias'])
        >>> baseline
        Baseline(2 tensors, 2 entries selected, 1 whole)
        >>> _ = nn.init.ones_(model.bias)  # stands for a training
        >>> baseline.delta(model)
        Delta(2 tensors, 2 entries selected)
    """

    selection: Selection
    whole: Collection[str]
    digests: Mapping[str, str]
    fingerprint: Mapping[str, str] | None = None
    tied: Mapping[str, str] = field(default_factory=dict)
    sketches: Mapping[str, Sketch] = field(default_factory=dict)

    def __repr__(self) -> str:
        known = self.digests if self.fingerprint is None else self.fingerprint
        return (
            f'Baseline({len(known):,} tensors, '
            f'{self.selection.num_selected:,} entries selected, '
            f'{len(self.whole):,} whole)'
        )

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
            model: Model with the base's weights.
            selection: Selection for this model.
            whole: Names of the parameters that train whole.
            new: Names of the tensors without a base, such as those of a
                randomly initialised head. Every delta contains them whole,
                whether they train or not.

        Raises:
            ValueError: If the model has no tensor of a name, or a new one
                has selected entries.
        """
        state = all_tensors(model.state_dict())
        buffers = state.keys() - dict(
            model.named_parameters(remove_duplicate=False)
        )
        others = _further_names(model, {*selection, *whole, *new})
        tied = {n: o for n, o in others.items() if o in selection}
        replaced = {*whole, *(others.keys() - tied.keys())}
        watched = {*selection, *tied, *replaced, *buffers}
        tensors = find_tensors(model, watched | state.keys() | set(new))
        unknown = sorted({*selection, *whole, *new} - tensors.keys())
        if unknown or set(new) & selection.keys():
            raise ValueError(
                'baseline: expected tensors of the model, and new tensors '
                'without selected entries, got '
                f'{unknown or sorted(set(new) & selection.keys())}.'
            )
        old = sorted(tensors.keys() - set(new))
        fingerprint = {name: tensor_digest(tensors[name]) for name in old}
        digests = {n: fingerprint[n] for n in old if n in watched}
        for name in (*selection, *tied):
            indices = selection[tied.get(name, name)]
            values = entries_of(tensors[name], indices)
            digests[name] = digest(values, tensors[name].shape)
        names = tuple(sorted({*replaced, *new}))
        rest = set(old) - {*selection, *tied, *replaced}
        sketches = sketches_of({n: tensors[n] for n in sorted(rest)})
        return cls(selection, names, digests, fingerprint, tied, sketches)

    @property
    def record(self) -> dict[str, Any]:
        """Everything except the selection, for a checkpoint.

        ``Baseline(selection, **record)`` restores the baseline.
        """
        known = self.fingerprint
        return {
            'whole': list(self.whole),
            'digests': dict(self.digests),
            'fingerprint': None if known is None else dict(known),
            'tied': dict(self.tied),
            'sketches': {n: list(s) for n, s in self.sketches.items()},
        }

    def delta(
        self,
        source: Source,
        info: DeltaInfo | None = None,
    ) -> Delta:
        """Make the delta from the base to the present values.

        It always contains trained tensors, and buffers only if they changed.

        Args:
            source: Model, or a state dict, such as the averaged weights.
            info: Facts about the task.

        Raises:
            ValueError: If a tensor is missing or has a NaN or an infinity.
        """
        always = {*self.selection, *self.whole, *self.tied}
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
            indices = self.selection.get(self.tied.get(name, name))
            change = change_of(tensors[name], indices, self.digests.get(name))
            if name in always or tensor_digest(tensors[name]) != change.base:
                changes[name] = change
        info = info or DeltaInfo()
        changes = with_codes(changes, info.plan)
        known = self.fingerprint
        if known is not None:
            known = {name: short(digest) for name, digest in known.items()}
        return Delta(changes, info, known, self.sketches)


def _further_names(model: nn.Module, names: Collection[str]) -> dict[str, str]:
    """Further names of the same parameters.

    Returns:
        Further name -> given name; the first one if several were given.
    """
    named = dict(model.named_parameters(remove_duplicate=False))
    given: dict[int, str] = {}
    for name in sorted(names):
        if name in named:
            given.setdefault(id(named[name]), name)
    return {
        name: given[id(parameter)]
        for name, parameter in named.items()
        if id(parameter) in given and name not in names
    }
