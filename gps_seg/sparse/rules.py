# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tables of rules: the role of a parameter, by the type of its module.

Names of parameters are misleading: mmseg's ViT calls its norms ``ln1``, Swin's
``relative_position_bias_table`` is not a bias, and ``norm`` may be a Linear.
So a rule looks at the type of the module that owns a parameter, and at the
name of the parameter in that module.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from torch import nn

from gps_seg.sparse.roles import Owned, Role


@dataclass(frozen=True)
class Rule:
    """One row of a table: a kind of parameter, and its role.

    Args:
        module: Type of the module that owns the parameter, or the name of
            that class (``'LayerNorm'``), which needs no import. Classes that
            inherit from it match, too.
        attribute: Name of the parameter in that module: ``'weight'``.
        role: Role of such a parameter.

    Example:
        >>> print(Rule('LayerNorm', 'weight', Role.WHOLE))
        LayerNorm.weight -> whole
        >>> norm = nn.LayerNorm(8)
        >>> owned = Owned(norm.weight, norm, 'weight')
        >>> Rule(nn.LayerNorm, 'weight', Role.WHOLE).matches(owned)
        True
    """

    module: type[nn.Module] | str
    attribute: str
    role: Role

    def matches(self, owned: Owned) -> bool:
        """Whether the row applies to this parameter."""
        if owned.attribute != self.attribute:
            return False
        if isinstance(self.module, str):
            ancestors = type(owned.module).__mro__
            return any(cls.__name__ == self.module for cls in ancestors)
        return isinstance(owned.module, self.module)

    def __str__(self) -> str:
        module = self.module
        if not isinstance(module, str):
            module = module.__name__
        return f'{module}.{self.attribute} -> {self.role.name.lower()}'


#: Parameters with two axes that look like connections but are not.
_TABLES = (
    Rule(nn.Embedding, 'weight', Role.FROZEN),
    Rule(nn.Module, 'attention_biases', Role.FROZEN),
    Rule(nn.Module, 'rel_pos_h', Role.FROZEN),
    Rule(nn.Module, 'rel_pos_w', Role.FROZEN),
    Rule(nn.Module, 'relative_position_bias_table', Role.FROZEN),
)


@dataclass(frozen=True)
class RuleTable:
    """A table of rules; the first row that matches decides.

    A parameter that no row matches is frozen.

    Args:
        standard: Rows for any encoder; most encoders use only some of them.
        own: Rows above the standard ones. Each must decide the role of a
            parameter, so that a typo is caught.

    Example:
        >>> norms = Rule('LayerNorm', 'weight', Role.WHOLE)
        >>> table = RuleTable(standard=()).extended(norms)
        >>> norm = nn.LayerNorm(8)
        >>> print(table.rule_for(Owned(norm.weight, norm, 'weight')))
        LayerNorm.weight -> whole
    """

    standard: tuple[Rule, ...]
    own: tuple[Rule, ...] = ()

    def __repr__(self) -> str:
        own, standard = len(self.own), len(self.standard)
        return f'RuleTable({own} own and {standard} standard rows)'

    @property
    def rows(self) -> tuple[Rule, ...]:
        """All rows, from top to bottom."""
        return self.own + self.standard

    def extended(self, *rules: Rule) -> 'RuleTable':
        """A new table with these rows on top."""
        return replace(self, own=rules + self.own)

    def rule_for(self, owned: Owned) -> Rule | None:
        """The row that decides, or None."""
        return next((row for row in self.rows if row.matches(owned)), None)

    def undecided(self, encoder: Mapping[str, Owned]) -> dict[str, str]:
        """Parameters that may connect neurons but match no row.

        They have several rows with several entries, unlike tokens, scales and
        biases. Embeddings and position tables are left out.

        Returns:
            Kind of parameter (see :attr:`Owned.kind`) -> name of the first.
        """
        known = replace(self, standard=self.standard + _TABLES)
        first: dict[str, str] = {}
        for name, owned in encoder.items():
            rows, *fan_in = owned.parameter.shape or (1,)
            may_connect = rows > 1 and math.prod(fan_in) > 1
            if may_connect and known.rule_for(owned) is None:
                first.setdefault(owned.kind, name)
        return first

    def roles(self, encoder: Mapping[str, Owned]) -> dict[str, Role]:
        """The role of each parameter of an encoder, by name.

        Raises:
            ValueError: If a row of ``own`` decides nothing, or entries would
                be selected in a tensor without a row per neuron.
        """
        deciding = {name: self.rule_for(o) for name, o in encoder.items()}
        for row in self.own:
            if row not in deciding.values():
                raise ValueError(_decides_nothing(row, encoder.values()))
        roles = {
            name: Role.FROZEN if row is None else row.role
            for name, row in deciding.items()
        }
        for name, role in roles.items():
            parameter = encoder[name].parameter
            if role is Role.SELECTED and parameter.ndim < 2:
                raise ValueError(
                    "rules: expected role 'selected' for tensors with a row "
                    f'for each neuron, got shape {tuple(parameter.shape)} '
                    f"({name}). Use 'whole' or 'frozen'."
                )
        return roles


def _decides_nothing(row: Rule, encoder: Iterable[Owned]) -> str:
    kinds = sorted({owned.kind for owned in encoder})
    return (
        'rules: expected each row to decide the role of a parameter, got '
        f'{row}, which decides none. The first row that matches decides. The '
        f'trainable parameters of the encoder are of the kinds {kinds}.'
    )
