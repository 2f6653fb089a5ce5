# Copyright (c) gps_seg contributors. Apache-2.0.
"""Build models of any size at once, without storage for their weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch


@contextmanager
def without_storage() -> Iterator[None]:
    """Create the parameters of new modules on the meta device."""
    linspace = torch.linspace

    def of_numbers(*args, **kwargs):
        # Backbones read the values of linspace as rates of drop path.
        return linspace(*args, **{**kwargs, 'device': 'cpu'})

    with patch.object(torch, 'linspace', of_numbers), torch.device('meta'):
        yield
