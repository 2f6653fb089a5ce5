"""The optim wrappers: devices, optimizers, what is loaded into them."""

import pytest
import torch
from mmengine.optim import AmpOptimWrapper
from torch.amp import GradScaler
from toy_run import toy_model

from gps_seg.engine import AmpPeftOptimWrapper


@pytest.mark.parametrize('device', ['cuda', 'npu', 'mlu', 'musa'])
def test_mixed_precision_is_that_of_mmengine_on_every_device_it_knows(
    monkeypatch, device
):
    built = []
    monkeypatch.setattr(
        f'gps_seg.engine.accelerator.is_{device}_available', lambda: True
    )
    monkeypatch.setattr(
        AmpOptimWrapper, '__init__', lambda self, **given: built.append(given)
    )
    AmpPeftOptimWrapper(dtype='float16', optimizer=None)
    assert built == [
        {'loss_scale': 'dynamic', 'dtype': 'float16', 'optimizer': None}
    ]


def test_a_run_of_a_cpu_goes_on_where_losses_are_scaled():
    """A scaler that is enabled refuses an empty state."""
    optimizer = torch.optim.SGD(toy_model().parameters(), lr=0.1)
    wrapper = AmpPeftOptimWrapper(optimizer=optimizer)
    state = wrapper.state_dict()
    wrapper.loss_scaler = GradScaler('cpu', init_scale=8.0)
    wrapper.load_state_dict(state)
    assert wrapper.loss_scaler.get_scale() == 8.0


def test_the_scale_of_a_run_is_taken_up():
    optimizer = torch.optim.SGD(toy_model().parameters(), lr=0.1)
    wrapper = AmpPeftOptimWrapper(optimizer=optimizer)
    wrapper.loss_scaler = GradScaler('cpu', init_scale=4.0)
    wrapper.loss_scaler._lazy_init_scale_growth_tracker('cpu')
    state = wrapper.state_dict()
    wrapper.loss_scaler = GradScaler('cpu', init_scale=8.0)
    wrapper.load_state_dict(state)
    assert wrapper.loss_scaler.get_scale() == 4.0
