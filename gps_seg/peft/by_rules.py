# Copyright (c) gps_seg contributors. Apache-2.0.
"""Base class of methods that use the rule table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from gps_seg.sparse import GPS_RULES, Role, gps_roles
from gps_seg.sparse.gps_rules import rules_from_config
from gps_seg.sparse.rules import RuleTable


@dataclass(frozen=True, kw_only=True)
class ByRules:
    """Roles inside the encoder by a rule table.

    Attributes:
        standard: Table of the method.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        rules: Rows above the standard ones, such as
            ``dict(module='LayerNorm', attribute='weight', role='whole')``;
            the role is ``'selected'``, ``'whole'`` or ``'frozen'``.

    Raises:
        ValueError: If a row is malformed.
    """

    standard: ClassVar[RuleTable] = GPS_RULES

    encoder: str = 'backbone'
    rules: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        _ = self.table  # raises if a row is malformed

    @property
    def table(self) -> RuleTable:
        """The standard table below the rows in ``rules``."""
        return rules_from_config(self.rules, self.standard)

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """Roles by the rules inside the encoder; all else trains whole."""
        return gps_roles(model, self.encoder, self.table)
