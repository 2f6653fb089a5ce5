# Copyright (c) gps_seg contributors. Apache-2.0.
"""A delta made with other instructions of the processor is used here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from small_segmentor import TEXT, build_base, make_delta

from gps_seg.delta import Delta, applied, apply, revert

POSITION = 'backbone.pos_embed'
SUPPORT = Path(__file__).resolve().parents[2] / 'support'
MAKE = """
import sys
from mmengine.config import Config
from small_segmentor import make_delta
make_delta(Config.fromfile(sys.argv[1])).save(sys.argv[2])
"""


@pytest.fixture
def config_file(tmp_path):
    """A ViT whose pretrained position embedding is for another grid."""
    path = tmp_path / 'vit.py'
    path.write_text(TEXT.replace('(16, 24)', '(64, 64)'))
    torch.manual_seed(0)
    backbone = build_base(Config.fromfile(path)).backbone
    weights = {
        n: torch.randn_like(t) for n, t in backbone.state_dict().items()
    }
    torch.save(weights, tmp_path / 'base.pth')
    source = {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'base.pth')}
    text = TEXT.replace('(16, 24)', '(144, 144)')
    path.write_text(f'{text}\nmodel["backbone"]["init_cfg"] = {source}\n')
    return path


@pytest.fixture
def delta_from_elsewhere(tmp_path, config_file):
    """Made by a process that uses none of the vector instructions."""
    if torch.backends.cpu.get_cpu_capability() == 'DEFAULT':
        pytest.skip('PyTorch uses no vector instructions on this processor')
    path = tmp_path / 'delta.safetensors'
    search = [str(SUPPORT), *filter(None, sys.path)]
    environment = {
        **os.environ,
        'ATEN_CPU_CAPABILITY': 'default',
        'PYTHONPATH': os.pathsep.join(search),
    }
    subprocess.run(
        [sys.executable, '-c', MAKE, config_file, path],
        env=environment,
        check=True,
        capture_output=True,
        timeout=200,
    )
    return Delta.load(path)


def state_bits(model):
    return {n: t.numpy().tobytes() for n, t in model.state_dict().items()}


def test_a_delta_of_other_instructions_is_applied_with_a_warning(
    config_file, delta_from_elsewhere
):
    config = Config.fromfile(config_file)
    here, there = make_delta(config), delta_from_elsewhere
    others = [
        name
        for name in here.fingerprint
        if here.fingerprint[name] != there.fingerprint[name]
    ]
    assert others == [POSITION]  # or nothing is tested
    model = build_base(config)
    before = state_bits(model)
    with pytest.warns(
        UserWarning, match=rf'1 of .* only by rounding \({POSITION}'
    ):
        apply(model, there)
    revert(model)
    assert state_bits(model) == before

    with torch.no_grad():
        model.backbone.pos_embed *= 1.001
    with pytest.raises(ValueError, match=POSITION), applied(model, there):
        pass
