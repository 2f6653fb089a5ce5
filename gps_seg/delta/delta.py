# Copyright (c) gps_seg contributors. Apache-2.0.
"""A task as data: its changes to a base model, and facts about it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from gps_seg.additions import Plan
from gps_seg.additions.coding import acting_by_few_values
from gps_seg.additions.names import prefix_of
from gps_seg.delta.change import Change
from gps_seg.delta.fingerprint import rest_of, short, sketches_of_rest
from gps_seg.delta.format.container import read_container, write_container
from gps_seg.delta.format.layout import Content, decode, encode
from gps_seg.delta.info import DeltaInfo
from gps_seg.delta.sketch import Sketch
from gps_seg.sparse import Selection
from gps_seg.text.short import short_method_text


@dataclass(frozen=True, eq=False)
class Delta:
    """The changes that turn a base model into a tuned one.

    Attributes:
        selection: Selected entries of tensors that change in part.

    Args:
        changes: Change of each parameter or buffer, by name; kept in sorted
            order.
        info: Facts about the task.
        fingerprint: Short digests (16 hexadecimal digits) of the base's
            tensors, by name, for all that the delta does not change or
            changes in part; others are dropped. None if the base is known
            only where the delta changes it, as in a file of format version 1.
        sketches: Numbers that distinguish rounding from another base, by
            name, for tensors that the delta does not change; others are
            dropped.

    Raises:
        ValueError: If a change or a sketch is malformed, or a fingerprint
            lacks a tensor that changes in part. The message names the tensor.

    Example:
        >>> import pathlib, tempfile, torch
        >>> from gps_seg.delta import extract
        >>> base = {'weight': torch.zeros(2, 4)}
        >>> delta = extract(base, {'weight': torch.eye(2, 4)})
        >>> delta
        Delta(1 tensor, 2 entries selected)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     delta.save(pathlib.Path(folder, 'delta.safetensors'))
        ...     again = Delta.load(pathlib.Path(folder, 'delta.safetensors'))
        >>> again.selection['weight']
        tensor([0, 5])
    """

    changes: Mapping[str, Change]
    info: DeltaInfo = field(default_factory=DeltaInfo)
    fingerprint: Mapping[str, str] | None = None
    sketches: Mapping[str, Sketch] = field(default_factory=dict)
    selection: Selection = field(init=False, repr=False)

    def __post_init__(self) -> None:
        changes = {name: self.changes[name] for name in sorted(self.changes)}
        added = self._prefixes
        for name, change in changes.items():
            try:
                change.check(name.startswith(added))
            except ValueError as error:
                raise ValueError(f'{error} ({name})') from error
        object.__setattr__(self, 'changes', MappingProxyType(changes))
        if self.fingerprint is not None:
            rest = MappingProxyType(rest_of(self.fingerprint, changes))
            object.__setattr__(self, 'fingerprint', rest)
        sketches = sketches_of_rest(self.sketches, self.untouched)
        object.__setattr__(self, 'sketches', MappingProxyType(sketches))
        object.__setattr__(self, 'selection', _selection(changes))

    def __repr__(self) -> str:
        count = len(self.changes)
        selected = self.selection.num_selected
        parts = (
            f'{count:,} tensor{"" if count == 1 else "s"}',
            f'{selected:,} entries selected' if selected else '',
            short_method_text(self.info.method),
        )
        return f'Delta({", ".join(filter(None, parts))})'

    @property
    def _prefixes(self) -> tuple[str, ...]:
        """Starts of the names of what was added to the model."""
        return tuple(map(prefix_of, self.info.plan))

    @property
    def is_lossless(self) -> bool:
        """Whether all values have the full precision of the model."""
        # The model computes with these values, whatever the format.
        few = acting_by_few_values(self.info.plan)
        return all(
            change.is_lossless or name.startswith(few)
            for name, change in self.changes.items()
        )

    @property
    def new(self) -> frozenset[str]:
        """Names of the tensors that are new in the task and have no base."""
        return frozenset(n for n, c in self.changes.items() if c.base is None)

    @property
    def added(self) -> frozenset[str]:
        """Names of the tensors in modules that were added to the model."""
        own = self._prefixes
        return frozenset(n for n in self.changes if n.startswith(own))

    @property
    def untouched(self) -> frozenset[str]:
        """Names of the known tensors of the base that do not change."""
        return frozenset((self.fingerprint or {}).keys() - self.changes.keys())

    @property
    def base_digests(self) -> dict[str, str]:
        """Short digests of all whole tensors of the base that are known."""
        replaced = {
            name: short(change.base)
            for name, change in self.changes.items()
            if change.indices is None and change.base is not None
        }
        return {**replaced, **(self.fingerprint or {})}

    def restricted(self, keep: Callable[[str], bool]) -> 'Delta':
        """Keep only the changes of tensors whose name ``keep`` accepts.

        The other tensors of the base are no longer compared.

        Example:
            >>> import torch
            >>> from gps_seg.delta import extract
            >>> tuned = {'backbone.w': torch.ones(1), 'head.w': torch.ones(1)}
            >>> base = {name: torch.zeros(1) for name in tuned}
            >>> delta = extract(base, tuned)
            >>> encoder = delta.restricted(lambda n: n.startswith('backbone.'))
            >>> list(encoder.changes)
            ['backbone.w']
        """
        kept = {n: c for n, c in self.changes.items() if keep(n)}
        known = self.fingerprint
        if known is not None:
            known = {n: digest for n, digest in known.items() if keep(n)}
        plan = Plan(
            one
            for one in self.info.plan
            if any(name.startswith(prefix_of(one)) for name in kept)
        )
        info = self.info
        if plan != info.plan:
            info = replace(info, added=plan.to_json())
        # Sketches of tensors that are no longer known are dropped.
        return replace(self, changes=kept, info=info, fingerprint=known)

    def without_new(self) -> 'Delta':
        """Keep only the changes of tensors that have a base."""
        return self.restricted(lambda name: name not in self.new)

    def without_added(self) -> 'Delta':
        """Keep only the changes of tensors of the plain model."""
        added = self.added
        return self.restricted(lambda name: name not in added)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``delta.safetensors``, whole or not at all.

        The same delta gives the same bytes; ``docs/delta_format.md``
        describes their layout.

        Raises:
            OSError: If it cannot be written; an existing file is unchanged.
        """
        content = Content(
            self.changes, self.info, self.fingerprint, self.sketches
        )
        write_container(path, *encode(content))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> 'Delta':
        """Read a file that :meth:`save` wrote; it cannot run code.

        Raises:
            FileNotFoundError: If there is no such file.
            PermissionError: If it may not be read.
            ValueError: If it is not a delta, is damaged, has another version,
                or breaks a rule of the format.
        """
        header, arrays = read_container(path)
        try:
            return cls(*decode(header, arrays))
        except ValueError as error:
            raise ValueError(f'{error} (delta {path})') from error


def _selection(changes: Mapping[str, Change]) -> Selection:
    selected = {
        name: change
        for name, change in changes.items()
        if change.indices is not None
    }
    return Selection(
        {n: c.indices for n, c in selected.items() if c.indices is not None},
        {n: c.shape for n, c in selected.items()},
    )
