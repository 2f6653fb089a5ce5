# Copyright (c) gps_seg contributors. Apache-2.0.
"""A task as data: what it changes in a base model, and facts about it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from gps_seg.delta.change import Change
from gps_seg.delta.fingerprint import rest_of, short, sketches_of_rest
from gps_seg.delta.format.container import read_container, write_container
from gps_seg.delta.format.layout import Content, decode, encode
from gps_seg.delta.info import DeltaInfo
from gps_seg.delta.sketch import Sketch
from gps_seg.sparse import Selection


@dataclass(frozen=True, eq=False)
class Delta:
    """The changes that turn a base model into a tuned one.

    Attributes:
        selection: The entries of those tensors that change in part.

    Args:
        changes: By name of the parameter or buffer, in any order; kept in
            sorted order.
        info: Facts about the task.
        fingerprint: Short digests (16 hexadecimal digits) of whole tensors
            of the base, by name: of all that the delta leaves alone or
            changes in part. What it replaces whole is left out. None if the
            base is known only where the delta changes it, as in a file of
            format version 1.
        sketches: What tells rounding from another base, of those tensors in
            the fingerprint that the delta leaves alone, as far as it is
            known. Others are left out.

    Raises:
        ValueError: If a change or a sketch is not well-formed; the tensor is
            named. Also if there is a fingerprint, but not of a tensor that
            changes in part.
    """

    changes: Mapping[str, Change]
    info: DeltaInfo = field(default_factory=DeltaInfo)
    fingerprint: Mapping[str, str] | None = None
    sketches: Mapping[str, Sketch] = field(default_factory=dict)
    selection: Selection = field(init=False, repr=False)

    def __post_init__(self) -> None:
        changes = {name: self.changes[name] for name in sorted(self.changes)}
        for name, change in changes.items():
            try:
                change.check()
            except ValueError as error:
                raise ValueError(f'{error} ({name})') from error
        object.__setattr__(self, 'changes', MappingProxyType(changes))
        if self.fingerprint is not None:
            rest = MappingProxyType(rest_of(self.fingerprint, changes))
            object.__setattr__(self, 'fingerprint', rest)
        sketches = sketches_of_rest(self.sketches, self.untouched)
        object.__setattr__(self, 'sketches', MappingProxyType(sketches))
        object.__setattr__(self, 'selection', _selection(changes))

    @property
    def is_lossless(self) -> bool:
        """Whether all values have the full width of the model's."""
        return all(change.is_lossless for change in self.changes.values())

    @property
    def new(self) -> frozenset[str]:
        """Names of the tensors that are new in the task: have no base."""
        return frozenset(n for n, c in self.changes.items() if c.base is None)

    @property
    def untouched(self) -> frozenset[str]:
        """Names of the tensors of the base that it is known to leave alone."""
        return frozenset((self.fingerprint or {}).keys() - self.changes.keys())

    @property
    def base_digests(self) -> dict[str, str]:
        """Short digests of all tensors of the base that are known whole."""
        replaced = {
            name: short(change.base)
            for name, change in self.changes.items()
            if change.indices is None and change.base is not None
        }
        return {**replaced, **(self.fingerprint or {})}

    def restricted(self, keep: Callable[[str], bool]) -> 'Delta':
        """The changes of the tensors whose name ``keep`` accepts.

        The base need no longer be the same in the other tensors.

        Example:
            ``delta.restricted(lambda name: name.startswith('backbone.'))``
            is the part of the encoder.
        """
        kept = {n: c for n, c in self.changes.items() if keep(n)}
        known = self.fingerprint
        if known is not None:
            known = {n: digest for n, digest in known.items() if keep(n)}
        # The sketches of what is no longer known are left out.
        return replace(self, changes=kept, fingerprint=known)

    def without_new(self) -> 'Delta':
        """The changes of the tensors that have a base."""
        return self.restricted(lambda name: name not in self.new)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``delta.safetensors``, whole or not at all.

        The same delta gives the same bytes. ``docs/delta_format.md`` tells
        how they are laid out.

        Raises:
            OSError: If it cannot be written; what was there is untouched.
        """
        content = Content(
            self.changes, self.info, self.fingerprint, self.sketches
        )
        write_container(path, *encode(content))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> 'Delta':
        """Read what :meth:`save` wrote; nothing in a file can run code.

        Raises:
            FileNotFoundError: If there is no such file.
            PermissionError: If it may not be read.
            ValueError: If it is no delta, of another version, damaged, or
                its content breaks a rule of the format.
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
