# Copyright (c) gps_seg contributors. Apache-2.0.
"""The content of a model card: facts about the delta, notes of its author."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from gps_seg.engine.testing.task_model import ModelSize

# Identifiers of licenses on the hub: apache-2.0, cc-by-nc-4.0, other.
_LICENSE = re.compile(r'[a-z0-9][a-z0-9.-]*')


@dataclass(frozen=True, kw_only=True)
class AuthorNotes:
    """Facts about a delta that only its author knows.

    Args:
        base: Origin of the base model: its name on the Hugging Face hub
            (``owner/name``), an address, or any text.
        title: Heading of the card; None for a heading from method, data set
            and model.
        license: Identifier of the delta's license on the hub.
        base_license: License of the base model, as any text.
        datasets: Training data: names on the hub, or any text.
        data_license: License or terms of the training data, as any text.
        intended_use: Description of the intended use.
        limits: Description of the limits of use.

    Raises:
        ValueError: If the base or the title is empty, or the license is not
            an identifier of the hub.

    Example:
        >>> AuthorNotes(base='timm/vit_small', license='apache-2.0').license
        'apache-2.0'
    """

    base: str
    title: str | None = None
    license: str | None = None
    base_license: str | None = None
    datasets: tuple[str, ...] = ()
    data_license: str | None = None
    intended_use: str | None = None
    limits: str | None = None

    def __post_init__(self) -> None:
        for name in ('title', 'base'):
            text = getattr(self, name)
            if text is not None and not text.strip():
                raise ValueError(f'{name}: expected a text, got an empty one.')
        if self.license and not _LICENSE.fullmatch(self.license):
            raise ValueError(
                'license: expected an identifier of the Hugging Face hub, '
                f'such as apache-2.0 or other, got {self.license!r}. '
                'https://huggingface.co/docs/hub/repositories-licenses lists '
                'them.'
            )


@dataclass(frozen=True, kw_only=True)
class DeltaFacts:
    """Facts in a delta and its config.

    Args:
        description: Description of the delta file; see
            :func:`gps_seg.delta.reports.description.describe`.
        config: Config of the model.
        full: Size of the whole model.
        sha256: SHA-256 of the delta file, in hexadecimal.
        pictures: Names of the picture files, with a caption for each.

    Example::

        facts = DeltaFacts(
            description=describe(delta),
            config=config,
            full=size_of(config),
            sha256=sha256_of(delta),
            pictures={},
        )
    """

    description: Mapping[str, Any]
    config: Config
    full: ModelSize
    sha256: str
    pictures: Mapping[str, str]

    @property
    def info(self) -> Mapping[str, Any]:
        """The facts in the delta; see :class:`gps_seg.delta.DeltaInfo`."""
        info: Mapping[str, Any] = self.description['info']
        return info

    @property
    def parts(self) -> Mapping[str, Mapping[str, int]]:
        """Numbers of tensors and entries: selected, whole, added, new."""
        parts: Mapping[str, Mapping[str, int]] = self.description['tensors']
        return parts

    @property
    def num_changed(self) -> int:
        """Number of entries of the plain model that change."""
        return self.num_values - self.num_added

    @property
    def num_added(self) -> int:
        """Number of entries in modules that are added to the model."""
        return self.parts['added']['entries']

    @property
    def num_values(self) -> int:
        """Number of all entries of the delta."""
        return sum(part['entries'] for part in self.parts.values())
