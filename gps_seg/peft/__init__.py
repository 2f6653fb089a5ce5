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

from collections.abc import Mapping

from gps_seg.peft.added.adapter import Adapter
from gps_seg.peft.added.adaptformer import AdaptFormer
from gps_seg.peft.added.binary import Binary
from gps_seg.peft.added.diffit import DiffFit
from gps_seg.peft.added.dyt import DyT
from gps_seg.peft.added.e2vpt import E2VPT
from gps_seg.peft.added.fact import FacT
from gps_seg.peft.added.houlsby import Houlsby
from gps_seg.peft.added.ia3 import IA3
from gps_seg.peft.added.lora import LoRA
from gps_seg.peft.added.mona import Mona
from gps_seg.peft.added.peft_library import PeftLibrary
from gps_seg.peft.added.rein import Rein
from gps_seg.peft.added.repadapter import RepAdapter
from gps_seg.peft.added.ssf import SSF
from gps_seg.peft.added.vpt import VPT
from gps_seg.peft.declared import release
from gps_seg.peft.entries.fps import FPS
from gps_seg.peft.entries.gps import GPS
from gps_seg.peft.entries.grft import GRFT
from gps_seg.peft.entries.neuroada import NeuroAda
from gps_seg.peft.entries.paca import PaCA
from gps_seg.peft.entries.shira import SHiRA
from gps_seg.peft.entries.sift import SIFT
from gps_seg.peft.method import (
    Choice,
    PeftMethod,
    build_method,
    weights_to_select,
)
from gps_seg.peft.ownership import owned_by
from gps_seg.peft.placing.budgeted import Budgeted
from gps_seg.peft.placing.sct import SCT
from gps_seg.peft.placing.spt_adapter import SPTAdapter
from gps_seg.peft.placing.spt_lora import SPTLoRA
from gps_seg.peft.trainable import Trainable
from gps_seg.peft.tuning import tune
from gps_seg.peft.whole.bias import Bias
from gps_seg.peft.whole.bitfit import BitFit
from gps_seg.peft.whole.full import Full
from gps_seg.peft.whole.linear import Linear
from gps_seg.peft.whole.norm import Norm
from gps_seg.peft.whole.partial import Partial

#: The methods by their ``type`` in a config.
METHODS: Mapping[str, type[PeftMethod]] = {
    'gps': GPS,
    'sift': SIFT,
    'grft': GRFT,
    'fps': FPS,
    'neuroada': NeuroAda,
    'shira': SHiRA,
    'paca': PaCA,
    'bias': Bias,
    'bitfit': BitFit,
    'norm': Norm,
    'partial': Partial,
    'linear': Linear,
    'full': Full,
    'lora': LoRA,
    'ssf': SSF,
    'ia3': IA3,
    'diffit': DiffFit,
    'fact': FacT,
    'adapter': Adapter,
    'houlsby': Houlsby,
    'adaptformer': AdaptFormer,
    'repadapter': RepAdapter,
    'mona': Mona,
    'binary': Binary,
    'vpt': VPT,
    'e2vpt': E2VPT,
    'rein': Rein,
    'spt_lora': SPTLoRA,
    'spt_adapter': SPTAdapter,
    'sct': SCT,
    'budgeted': Budgeted,
    'dyt': DyT,
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
    'FPS',
    'NeuroAda',
    'SHiRA',
    'PaCA',
    'Bias',
    'BitFit',
    'Norm',
    'Partial',
    'Linear',
    'Full',
    'LoRA',
    'SSF',
    'IA3',
    'DiffFit',
    'FacT',
    'Adapter',
    'Houlsby',
    'AdaptFormer',
    'RepAdapter',
    'Mona',
    'Binary',
    'VPT',
    'E2VPT',
    'Rein',
    'SPTLoRA',
    'SPTAdapter',
    'SCT',
    'Budgeted',
    'DyT',
    'PeftLibrary',
    'METHODS',
    'build_method',
    # their contract
    'PeftMethod',
    'Choice',
    'owned_by',
    'weights_to_select',
]
