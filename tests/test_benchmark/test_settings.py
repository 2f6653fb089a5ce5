"""Settings that cannot be measured are refused before anything runs."""

import pytest
import torch

from gps_seg.benchmark import ARCHITECTURES, Settings, check_architecture
from gps_seg.benchmark.architectures import build_segmentor, synthetic_loss


@pytest.mark.parametrize('name', ARCHITECTURES)
def test_the_usual_size_fits(name):
    assert check_architecture(name, None) == ARCHITECTURES[name].size


def test_unknown_architecture():
    with pytest.raises(ValueError, match=r'expected one of vit-s14, .*got'):
        check_architecture('vit-s16', None)


@pytest.mark.parametrize('size', [0, -14, 256])
def test_size_that_is_no_multiple_of_the_patch(size):
    with pytest.raises(ValueError, match='positive multiple of 14 pixels'):
        Settings(arch='vit-s14', size=size)


@pytest.mark.parametrize('name', ['batch', 'steps', 'rounds'])
def test_counts_below_one(name):
    with pytest.raises(ValueError, match=f'{name}: expected 1 or more, got 0'):
        Settings(arch='tiny', size=32, **{name: 0})


def test_cuda_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match='torch finds no GPU'):
        Settings(arch='tiny', size=32, device='cuda')


def test_unknown_device():
    with pytest.raises(ValueError, match="expected cpu or cuda, got 'tpu'"):
        Settings(arch='tiny', size=32, device='tpu')


def test_model_and_loss_are_the_same_every_time():
    losses = []
    for _ in range(2):
        model = build_segmentor('tiny', 32, seed=3)
        loss = synthetic_loss(model, 32, batch=1, seed=4)
        losses += [loss().item(), loss().item()]
    assert len(set(losses)) == 1


@pytest.mark.parametrize('name', ['vit-s14', 'swin-t'])
def test_both_families_give_a_loss_at_the_smallest_size(name):
    size = ARCHITECTURES[name].stride * 2
    model = build_segmentor(name, size, seed=0)
    assert synthetic_loss(model, size, 1, 0)().isfinite()
