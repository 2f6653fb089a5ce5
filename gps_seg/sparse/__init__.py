# Copyright (c) gps_seg contributors. Apache-2.0.
"""Plain torch: scores, budget, selection and sparse training."""

from gps_seg.sparse.budget import PerNeuron, topk_per_neuron
from gps_seg.sparse.columns import ColumnGradients
from gps_seg.sparse.roles import (
    Owned,
    Role,
    as_neurons,
    gps_roles,
    owned_parameters,
)
from gps_seg.sparse.scores import (
    RunningScores,
    gradient_scores,
    random_scores,
    running_scores,
)
from gps_seg.sparse.selection import Selection
from gps_seg.sparse.state import fork_rng, seed_all, seed_cpu, undisturbed
from gps_seg.sparse.training import SelectedEntries, SelectedWeights

__all__ = [
    'ColumnGradients',
    'Owned',
    'PerNeuron',
    'Role',
    'RunningScores',
    'Selection',
    'SelectedEntries',
    'SelectedWeights',
    'as_neurons',
    'fork_rng',
    'gps_roles',
    'gradient_scores',
    'owned_parameters',
    'random_scores',
    'running_scores',
    'seed_all',
    'seed_cpu',
    'topk_per_neuron',
    'undisturbed',
]
