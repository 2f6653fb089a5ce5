# Copyright (c) gps_seg contributors. Apache-2.0.
"""Agreement of the variants as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def agreement_text(agreement: Mapping[str, Any] | None) -> str:
    """The tables of agreement; empty if it was not measured."""
    return '' if agreement is None else str(agreement)
