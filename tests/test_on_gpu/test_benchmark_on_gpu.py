"""The workers of the benchmark on a GPU, with the smallest architecture."""

import math

import pytest
import torch
from on_gpu import DEVICE

from gps_seg.benchmark.settings import Settings
from gps_seg.benchmark.tasks.fixed_costs import measure_fixed_costs
from gps_seg.benchmark.tasks.selecting import select
from gps_seg.benchmark.tasks.serving import serve
from gps_seg.benchmark.tasks.training import measure

pytestmark = pytest.mark.gpu

METHODS = ('full', 'bias', 'ours')


@pytest.fixture(autouse=True)
def _precision_as_before():
    """The benchmark sets TF32 for its whole process."""
    before = torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32 = before


def settings_of(dtype):
    return Settings(
        arch='tiny',
        size=32,
        batch=2,
        device=DEVICE.type,
        dtype=dtype,
        steps=2,
        warmup=1,
    )


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_a_visit_measures_and_counts(tmp_path, dtype):
    settings, file = settings_of(dtype), str(tmp_path / 'k1.safetensors')
    (selected,) = select(settings, [1], [file])
    assert selected['num_selected'] > 0
    saved = {}
    for method in METHODS:
        found = measure(settings, method, file, True, {}, 'fused', 'plain')
        assert all(map(math.isfinite, found['seconds']))
        assert found['peak'] is None or found['peak'] >= 0
        assert found['tuned_model'].flops == 1
        saved[method] = found['counts'].saved
    assert saved['ours'] < saved['full']


def test_inference_and_fixed_costs(tmp_path):
    settings, file = settings_of('float32'), str(tmp_path / 'k1.safetensors')
    select(settings, [1], [file])
    assert all(map(min, serve(settings, file).values()))
    costs = measure_fixed_costs(settings, 1, file)
    assert min(costs['optimizer_seconds'], costs['write_seconds']) > 0
