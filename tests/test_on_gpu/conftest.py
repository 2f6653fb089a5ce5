"""Tests that need a GPU skip without one."""

import on_gpu
import pytest
import torch


@pytest.fixture(autouse=True)
def _needs_the_device():
    if on_gpu.DEVICE.type == 'cuda' and not torch.cuda.is_available():
        pytest.skip('torch finds no CUDA device')
