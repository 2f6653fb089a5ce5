# Copyright (c) gps_seg contributors. Apache-2.0.
"""The rules of GPS, and the roles that they give to a model's parameters.

A user's own rows come before the standard ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd

from gps_seg.sparse.checks import check_child
from gps_seg.sparse.roles import Role, owned_parameters
from gps_seg.sparse.rules import Rule, RuleTable

#: Name of a role in a config -> role.
ROLES: Mapping[str, Role] = {role.name.lower(): role for role in Role}

#: Modules whose weights connect neurons.
_CONNECTING: tuple[type[nn.Module], ...] = (nn.Linear, _ConvNd)

#: Attention of MMSegmentation, MMPretrain and timm whose packed projection
#: keeps its bias in two separate parameters. timm's ``Attention`` is BEiT's,
#: its ``WindowAttention`` that of Swin V2.
_SPLIT_BIAS = (
    *('BEiTAttention', 'WindowMSAV2', 'CrossMultiheadAttention'),
    *('Attention', 'EvaAttention', 'WindowAttention'),
)

#: The rules of GPS. Everything else is frozen: norms, embeddings, tokens,
#: tables and scales. ``bias_k`` and ``bias_v`` of ``nn.MultiheadAttention``
#: are tokens, not biases.
GPS_RULES = RuleTable(
    (
        *(Rule(kind, 'weight', Role.SELECTED) for kind in _CONNECTING),
        *(Rule(kind, 'bias', Role.WHOLE) for kind in _CONNECTING),
        Rule(nn.MultiheadAttention, 'in_proj_weight', Role.SELECTED),
        Rule(nn.MultiheadAttention, 'q_proj_weight', Role.SELECTED),
        Rule(nn.MultiheadAttention, 'k_proj_weight', Role.SELECTED),
        Rule(nn.MultiheadAttention, 'v_proj_weight', Role.SELECTED),
        Rule(nn.MultiheadAttention, 'in_proj_bias', Role.WHOLE),
        *(Rule(kind, 'q_bias', Role.WHOLE) for kind in _SPLIT_BIAS),
        *(Rule(kind, 'v_bias', Role.WHOLE) for kind in _SPLIT_BIAS),
    )
)


def _in_linear_maps(rule: Rule) -> Rule:
    """The row, but frozen unless it is about the weight of a linear map."""
    if rule.role is Role.SELECTED and rule.module is not _ConvNd:
        return rule
    return replace(rule, role=Role.FROZEN)


#: The same for methods that only know linear maps: convolutions and all
#: biases are frozen.
LINEAR_RULES = RuleTable(tuple(map(_in_linear_maps, GPS_RULES.standard)))


def gps_roles(
    model: nn.Module, encoder: str, rules: RuleTable = GPS_RULES
) -> dict[str, Role]:
    """Roles of all parameters: by the rules in the encoder, whole elsewhere.

    Neck, decode head and auxiliary head train whole. A parameter with
    ``requires_grad=False`` stays frozen.

    Args:
        model: Model with the encoder.
        encoder: Name of the pretrained child, such as ``'backbone'``.
        rules: Rules for the parameters of the encoder.

    Raises:
        ValueError: If the model has no such child, or the rules do not fit
            it, see :meth:`RuleTable.roles`.

    Example:
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Linear(4, 4), 'head': nn.Linear(4, 2)}
        ... )
        >>> for name, role in gps_roles(model, 'backbone').items():
        ...     print(name, role.value)
        backbone.weight selected entries
        backbone.bias whole
        head.weight whole
        head.bias whole
    """
    check_child(model, encoder)
    owned = dict(owned_parameters(model))
    trainable = {n: o for n, o in owned.items() if o.parameter.requires_grad}
    inside = {
        name: one
        for name, one in trainable.items()
        if name.startswith(f'{encoder}.')
    }
    roles = dict.fromkeys(owned, Role.FROZEN)
    roles |= dict.fromkeys(trainable, Role.WHOLE)
    return roles | rules.roles(inside)


def rules_from_config(
    rows: Iterable[Mapping[str, Any]], table: RuleTable = GPS_RULES
) -> RuleTable:
    """Put rows of a config on top of a table.

    Nothing is imported: a row names a class, and matches by that name.

    Args:
        rows: Rows such as ``dict(module='LayerNorm', attribute='weight',
            role='whole')``.
        table: Table below these rows.

    Raises:
        ValueError: If a row has other keys or a wrong value.

    Example:
        >>> rows = [dict(module='LayerNorm', attribute='bias', role='whole')]
        >>> print(rules_from_config(rows).own[0])
        LayerNorm.bias -> whole
    """
    return table.extended(*map(_rule_of, rows))


def _rule_of(row: Mapping[str, Any]) -> Rule:
    keys = {'module', 'attribute', 'role'}
    if not isinstance(row, Mapping) or row.keys() != keys:
        raise ValueError(
            "rules: expected rows such as dict(module='LayerNorm', "
            f"attribute='weight', role='whole'), got {row!r}."
        )
    for key in ('module', 'attribute'):
        if not isinstance(row[key], str) or not row[key].isidentifier():
            raise ValueError(
                'rules: expected the bare name of a class and of an '
                f'attribute, got {row[key]!r} ({key}).'
            )
    if row['role'] not in ROLES:
        raise ValueError(
            f'rules: expected a role among {list(ROLES)}, got '
            f'{row["role"]!r} ({row["module"]}.{row["attribute"]}).'
        )
    return Rule(row['module'], row['attribute'], ROLES[row['role']])
