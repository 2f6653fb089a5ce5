"""On which device sums are kept."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gps_seg.sparse import Budget, Connections, Evidence, Owned, Scores
from gps_seg.sparse.scoring.place_of_sums import device_for_sums, sums_fit
from gps_seg.sparse.scoring.running_sums import running_sums

GPU = torch.device('cuda', 1)
CPU = torch.device('cpu')


def weight(device, *shape):
    """What is asked of a weight, which may be on a GPU that is not there."""
    return SimpleNamespace(device=device, shape=torch.Size(shape))


@pytest.mark.parametrize(
    ('needed', 'free', 'fits'),
    [(0, 0, True), (100, 400, True), (101, 400, False), (1, 0, False)],
)
def test_sums_fit_into_a_quarter_of_what_is_free(needed, free, fits):
    assert sums_fit(needed, free) is fits


@pytest.mark.parametrize(
    ('evidence', 'needed'),
    [(Evidence.GRADIENT, 4 * (10 * 6 + 8)), (Evidence.OUTPUT, 4 * (10 + 8))],
)
def test_sums_are_on_the_gpu_as_long_as_they_fit(evidence, needed):
    weights = {'a': weight(GPU, 10, 6), 'b': weight(GPU, 8, 1)}
    asked = []

    def free(device, number):
        asked.append(device)
        return number

    for number, expected in ((4 * needed, GPU), (4 * needed - 1, CPU)):
        found = device_for_sums(
            weights, evidence, lambda device, n=number: free(device, n)
        )
        assert found == expected
    assert asked == [GPU, GPU]


@pytest.mark.parametrize(
    'devices', [[], [CPU], [CPU, GPU], [GPU, torch.device('cuda', 0)]]
)
def test_sums_are_on_the_cpu_unless_one_gpu_has_all_weights(devices):
    weights = {str(d): weight(d, 10, 6) for d in devices}
    found = device_for_sums(weights, Evidence.GRADIENT, lambda _: 10**12)
    assert found == CPU


@pytest.mark.gpu
def test_sums_on_a_gpu_select_as_those_on_the_cpu():
    layer = nn.Linear(64, 48).cuda()
    weights = {'w': layer.weight}
    device = device_for_sums(weights, Evidence.GRADIENT)
    assert device == layer.weight.device
    batches = [torch.randn(32, 64, device='cuda') for _ in range(3)]
    selections = []
    for place in (device, 'cpu'):
        losses = (layer(x).square().sum() for x in batches)
        (sums,) = running_sums(weights, losses, device=place)
        assert sums['w'].device.type == torch.device(place).type
        scores = Scores('gradient', weights, sums, seed=0)
        owned = {'w': Owned(layer.weight, layer, 'weight')}
        for scope in ('neuron', 'layer', 'network'):
            budget = Budget(scope, Connections(2))
            selection, _ = budget.select(scores, owned)
            selections.append(selection.hash)
    assert selections[:3] == selections[3:]
