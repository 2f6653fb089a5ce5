# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tuning methods with a common interface; each is one file and one row below.

Example:
    >>> import torch
    >>> from torch import nn
    >>> from gps_seg.peft import GPS, tune
    >>> _ = torch.manual_seed(0)
    >>> backbone, head = nn.Linear(16, 8), nn.Linear(8, 2)
    >>> model = nn.ModuleDict({'backbone': backbone, 'head': head})
    >>> x, y = torch.randn(64, 16), torch.randint(0, 2, (64,))
    >>> def loss():
    ...     return nn.functional.cross_entropy(head(backbone(x).relu()), y)
    >>> tuned = tune(model, GPS(k=1), losses=[loss], seed=0)
    >>> optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.01)
    >>> tuned.attach(optimizer)  # writes the trained values after each step
    >>> for _ in range(20):
    ...     with tuned.compressing():  # no dense gradient of a linear layer
    ...         loss().backward()
    ...     optimizer.step()
    ...     optimizer.zero_grad()
    >>> tuned
    Trainable(34 values: 8 selected entries, 26 in whole tensors)
"""

from collections.abc import Callable, Mapping

from gps_seg.peft.bias import Bias
from gps_seg.peft.declared import release
from gps_seg.peft.full import Full
from gps_seg.peft.gps import GPS
from gps_seg.peft.grft import GRFT
from gps_seg.peft.linear import Linear
from gps_seg.peft.lora import LoRA
from gps_seg.peft.method import (
    Choice,
    PeftMethod,
    build_method,
    weights_to_select,
)
from gps_seg.peft.ownership import owned_by
from gps_seg.peft.peft_library import PeftLibrary
from gps_seg.peft.sift import SIFT
from gps_seg.peft.trainable import Trainable
from gps_seg.peft.tuning import tune

#: The methods by their ``type`` in a config.
METHODS: Mapping[str, Callable[..., PeftMethod]] = {
    'gps': GPS,
    'sift': SIFT,
    'grft': GRFT,
    'bias': Bias,
    'linear': Linear,
    'full': Full,
    'lora': LoRA,
    'peft': PeftLibrary,
}

__all__ = [
    # tuning
    'tune',
    'Trainable',
    'release',
    # the methods
    'GPS',
    'SIFT',
    'GRFT',
    'Bias',
    'Linear',
    'Full',
    'LoRA',
    'PeftLibrary',
    'METHODS',
    'build_method',
    # their contract
    'PeftMethod',
    'Choice',
    'owned_by',
    'weights_to_select',
]
