# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a model card can say: what is known, and what its author tells."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from gps_seg.engine.testing.task_model import ModelSize

DELTA_FILE, CONFIG_FILE = 'delta.safetensors', 'config.py'
CARD_FILE, PREVIEW_FILE = 'README.md', 'preview.png'


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the author of a delta tells about it.

    Args:
        title: Heading of the page.
        base: Where the base model comes from: its name on the Hugging Face
            hub (``owner/name``), an address, or words.
        license: License of the delta, as the hub names it.
        datasets: Names on the hub, or of another kind, of the training data.
        intended_use: In words.
        limits: In words.

    Raises:
        ValueError: If the title or the base is empty.
    """

    title: str
    base: str
    license: str | None = None
    datasets: tuple[str, ...] = ()
    intended_use: str | None = None
    limits: str | None = None

    def __post_init__(self) -> None:
        for name in ('title', 'base'):
            if not getattr(self, name).strip():
                raise ValueError(f'{name}: expected words, got none.')


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known without asking.

    Args:
        description: Description of the delta file; see
            :func:`gps_seg.delta.reports.description.describe`.
        config: Config of the model.
        full: Size of the whole model.
        sha256: Of the delta file, in hexadecimal.
        has_preview: Whether there is a picture.
    """

    description: Mapping[str, Any]
    config: Config
    full: ModelSize
    sha256: str
    has_preview: bool

    @property
    def info(self) -> Mapping[str, Any]:
        """The facts in the delta; see :class:`gps_seg.delta.DeltaInfo`."""
        info: Mapping[str, Any] = self.description['info']
        return info

    @property
    def parts(self) -> Mapping[str, Mapping[str, int]]:
        """Tensors and entries that change: selected, whole and new ones."""
        parts: Mapping[str, Mapping[str, int]] = self.description['tensors']
        return parts

    @property
    def num_changed(self) -> int:
        """Entries that change."""
        return sum(part['entries'] for part in self.parts.values())
