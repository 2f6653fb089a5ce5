# Copyright (c) gps_seg contributors. Apache-2.0.
"""Base class of methods that use the rule table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from gps_seg.sparse import Role, gps_roles
from gps_seg.sparse.gps_rules import rules_from_config


@dataclass(frozen=True, kw_only=True)
class ByRules:
    """Roles inside the encoder by :data:`gps_seg.sparse.GPS_RULES`.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        rules: Rows above the standard ones, such as
            ``dict(module='LayerNorm', attribute='weight', role='whole')``;
            the role is ``'selected'``, ``'whole'`` or ``'frozen'``.

    Raises:
        ValueError: If a row is malformed.
    """

    encoder: str = 'backbone'
    rules: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        rules_from_config(self.rules)  # raises if a row is malformed

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """Roles by the rules inside the encoder; all else trains whole."""
        table = rules_from_config(self.rules)
        return gps_roles(model, self.encoder, table)
