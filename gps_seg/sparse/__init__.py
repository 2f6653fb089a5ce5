# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores, budgets, selections and sparse training, in plain PyTorch.

The main names are below; everything else is imported from its module.
"""

from gps_seg.sparse.amounts import Connections, Rank, Share, Total
from gps_seg.sparse.budget import Budget
from gps_seg.sparse.gps_rules import GPS_RULES, gps_roles
from gps_seg.sparse.lines import Lines
from gps_seg.sparse.roles import Owned, Role, owned_parameters
from gps_seg.sparse.rules import Rule
from gps_seg.sparse.scoring.criteria import Scores
from gps_seg.sparse.scoring.evidence import Evidence
from gps_seg.sparse.scoring.running_sums import RunningSums, running_sums
from gps_seg.sparse.selection import Selection
from gps_seg.sparse.training.columns import ColumnGradients
from gps_seg.sparse.training.selected_weights import SelectedWeights

__all__ = [
    # which parameters
    'Role',
    'Rule',
    'GPS_RULES',
    'gps_roles',
    'Owned',
    'owned_parameters',
    # how important each entry is
    'Evidence',
    'RunningSums',
    'running_sums',
    'Scores',
    # how many win, and against whom
    'Connections',
    'Share',
    'Total',
    'Rank',
    'Budget',
    'Lines',
    'Selection',
    # training only these
    'SelectedWeights',
    'ColumnGradients',
]
