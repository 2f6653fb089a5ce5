"""The export, by the command as a user runs it."""

import warnings
from functools import partial
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from run_tool import error_of_tool, run_tool
from small_segmentor import make_delta, tuned_state, write_config

export = partial(run_tool, 'export.py')


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MMEngine takes seconds with long paths
    return write_config(Path())


def logits_of(path, image):
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore', DeprecationWarning)
        return torch.jit.load(str(path))(image)


def test_a_delta_and_the_same_as_a_checkpoint(config, tmp_path, capsys):
    read = Config.fromfile(config)
    make_delta(read).save(tmp_path / 'delta.safetensors')
    torch.save({'state_dict': tuned_state(read)[1]}, tmp_path / 'full.pth')
    image = torch.randn(1, 3, 16, 24)
    logits = []
    for weights in ('delta.safetensors', 'full.pth'):
        out = tmp_path / f'{weights}.pt'
        export(config, tmp_path / weights, '--out', out)
        printed = capsys.readouterr().out
        assert f'{out}: {out.stat().st_size:,} bytes' in printed
        assert 'input (1, 3, 16, 24)' in printed
        assert 'largest difference to PyTorch 0' in printed
        logits.append(logits_of(out, image))
    assert torch.equal(*logits)
    assert logits[0].std() > 0


def test_size_batch_and_overrides(config, tmp_path, capsys):
    _, state = tuned_state(Config.fromfile(config))
    torch.save({'state_dict': state}, tmp_path / 'full.pth')
    out = tmp_path / 'model.pt'
    export(
        *(config, '--out', out, '--size', 24, 32, '--batch-dynamic'),
        *('--cfg-options', f'load_from={tmp_path}/full.pth'),
    )
    assert "input ('any', 3, 24, 32)" in capsys.readouterr().out
    assert logits_of(out, torch.randn(3, 3, 24, 32)).shape == (3, 2, 24, 32)


def test_a_file_is_never_replaced(config, tmp_path, capsys):
    out = tmp_path / 'model.pt'
    out.write_text('mine')
    error = error_of_tool(capsys, 'export.py', config, 'x', '--out', out)
    assert 'expected a new file' in error
    assert out.read_text() == 'mine'
