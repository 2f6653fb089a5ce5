# Copyright (c) gps_seg contributors. Apache-2.0.
"""Plain torch: scores, budget, selection and sparse training."""

from gps_seg.sparse.amounts import Amount, Connections, Share, Total
from gps_seg.sparse.budget import SCOPES, Budget
from gps_seg.sparse.lines import UNITS, Lines
from gps_seg.sparse.neurons import as_neurons, as_weight
from gps_seg.sparse.numbers import (
    check_positive,
    check_share,
    check_whole,
)
from gps_seg.sparse.roles import Owned, Role, owned_parameters
from gps_seg.sparse.rules import (
    GPS_RULES,
    ROLES,
    Rule,
    RuleTable,
    gps_roles,
    rules_from_config,
)
from gps_seg.sparse.scoring.contrastive import supervised_contrastive_loss
from gps_seg.sparse.scoring.criteria import (
    CRITERIA,
    SCORES,
    Criterion,
    Scores,
    check_score,
    evidence_for,
)
from gps_seg.sparse.scoring.evidence import Evidence, RunningSums, running_sums
from gps_seg.sparse.selection import Selection
from gps_seg.sparse.state import fork_rng, seed_all, seed_cpu, undisturbed
from gps_seg.sparse.topk import topk_of_all, topk_per_row
from gps_seg.sparse.training.columns import ColumnGradients
from gps_seg.sparse.training.entries import read_entries, write_entries
from gps_seg.sparse.training.selected_entries import (
    SelectedEntries,
    release_owner,
)
from gps_seg.sparse.training.selected_weights import SelectedWeights

__all__ = [
    'Amount',
    'Budget',
    'CRITERIA',
    'ColumnGradients',
    'Connections',
    'Criterion',
    'Evidence',
    'GPS_RULES',
    'Lines',
    'Owned',
    'ROLES',
    'Role',
    'Rule',
    'RuleTable',
    'RunningSums',
    'SCOPES',
    'SCORES',
    'Scores',
    'Selection',
    'SelectedEntries',
    'SelectedWeights',
    'Share',
    'Total',
    'UNITS',
    'as_neurons',
    'as_weight',
    'check_positive',
    'check_score',
    'check_share',
    'check_whole',
    'evidence_for',
    'fork_rng',
    'gps_roles',
    'owned_parameters',
    'read_entries',
    'release_owner',
    'rules_from_config',
    'running_sums',
    'seed_all',
    'seed_cpu',
    'supervised_contrastive_loss',
    'topk_of_all',
    'topk_per_row',
    'undisturbed',
    'write_entries',
]
