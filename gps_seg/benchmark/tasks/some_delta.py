# Copyright (c) gps_seg contributors. Apache-2.0.
"""A delta as a training would leave it, without the training."""

import torch
from torch import nn

from gps_seg.benchmark.architectures import ENCODER
from gps_seg.delta import Delta
from gps_seg.delta.baseline import Baseline
from gps_seg.sparse import Role, Selection, gps_roles


def some_delta(
    model: nn.Module, selection: Selection, amount: float = 1e-3
) -> Delta:
    """Change all of an encoder that would train, and undo it.

    Args:
        model: Base; it has its values again afterwards.
        selection: Selection in the model.
        amount: Number that is added to each value.
    """
    whole = [
        name
        for name, role in gps_roles(model, ENCODER).items()
        if role is Role.WHOLE and name.startswith(f'{ENCODER}.')
    ]
    before = {n: t.clone() for n, t in model.state_dict().items()}
    baseline = Baseline.of(model, selection, whole=whole)
    with torch.no_grad():
        for name, indices in selection.items():
            flat = model.get_parameter(name).view(-1)
            flat[indices.to(flat.device)] += amount
        for name in whole:
            model.get_parameter(name).add_(amount)
    delta = baseline.delta(model)
    model.load_state_dict(before)
    return delta
