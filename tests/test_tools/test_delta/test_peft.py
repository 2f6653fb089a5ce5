"""delta.py peft: two files that the PEFT library reads."""

import copy
import json

import pytest
import torch
from added_tasks import PROJ, QKV, delta_by_adding, folded_by_hand
from demo_tasks import INFO
from safetensors.torch import load_file

from gps_seg.runs.deltas.base import base_model
from gps_seg.runs.launch import load_config
from gps_seg.stack import let_torchvision_import_beside_cpu_torch


@pytest.fixture(scope='module')
def base(case):
    return base_model(load_config(str(case.config)))


@pytest.fixture(scope='module')
def lora(base, tmp_path_factory):
    """File of a LoRA task, and its tuned model."""
    path = tmp_path_factory.mktemp('lora') / 'delta.safetensors'
    delta, tuned = delta_by_adding(base, 'low_rank', INFO)
    delta.save(path)
    return path, tuned.eval()


def test_base_and_adapter_are_the_folded_weights(
    succeed, case, lora, tmp_path
):
    path, tuned = lora
    out = tmp_path / 'adapter'
    told = succeed('peft', case.config, path, '--out', out)
    names = ['adapter_config.json', 'adapter_model.safetensors']
    assert told.splitlines()[-2:] == [f'wrote {out / name}' for name in names]
    assert sorted(file.name for file in out.iterdir()) == names
    config = json.loads((out / names[0]).read_text())
    tensors = load_file(out / names[1])
    folded = folded_by_hand(tuned)
    scale = config['lora_alpha'] / config['r']
    assert config['rank_pattern'] == config['alpha_pattern'] == {}
    for name in (QKV.format(0), PROJ.format(1)):
        host = f'base_model.model.{name.removesuffix(".weight")}'
        a, b = (tensors.pop(f'{host}.lora_{n}.weight') for n in 'AB')
        moved = case.base[name] + scale * b @ a
        torch.testing.assert_close(moved, folded[name])
    assert tensors.keys() == {
        f'base_model.model.{n}' for n in folded if n.startswith('decode_head')
    }
    for name, tensor in tensors.items():
        plain = name.removeprefix('base_model.model.')
        assert torch.equal(tensor, folded[plain])


def test_other_tasks_are_refused_and_nothing_is_written(
    fail, case, base, tmp_path
):
    delta, _ = delta_by_adding(base, 'prompts', INFO)
    delta.save(tmp_path / 'prompts.safetensors')
    out = tmp_path / 'adapter'
    line = fail(
        'peft', case.config, tmp_path / 'prompts.safetensors', '--out', out
    )
    assert 'expected a task that was tuned with LoRA, got prompts' in line
    assert not out.exists()


def test_a_folder_with_something_in_it_is_refused(fail, case, lora, tmp_path):
    (tmp_path / 'mine').touch()
    line = fail('peft', case.config, lora[0], '--out', tmp_path)
    assert 'new or empty' in line
    assert [file.name for file in tmp_path.iterdir()] == ['mine']


@pytest.mark.optional
@pytest.mark.filterwarnings('default')
def test_the_library_loads_it_onto_the_plain_model(
    succeed, case, base, lora, tmp_path
):
    let_torchvision_import_beside_cpu_torch()
    peft = pytest.importorskip(
        'peft', reason='the extra [peft] is not installed'
    )
    path, tuned = lora
    out = tmp_path / 'adapter'
    succeed('peft', case.config, path, '--out', out)
    plain = copy.deepcopy(base)
    wrapped = peft.PeftModel.from_pretrained(plain, str(out)).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        found = wrapped.base_model.model(images)
        expected = tuned(images)
        untuned = base.eval()(images)
    assert not torch.allclose(expected, untuned, atol=1e-2)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    merged = wrapped.merge_and_unload().eval()
    with torch.no_grad():
        torch.testing.assert_close(
            merged(images), expected, rtol=1e-4, atol=1e-4
        )
