"""The snippets of the README do what it says."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.delta import extract  # noqa: E402
from gps_seg.engine import build_base  # noqa: E402

README = Path(__file__).resolve().parents[1] / 'README.md'
BLOCKS = re.findall(r'```python\n(.*?)```', README.read_text(), re.DOTALL)
# The first one is run in tests/test_runs/test_own_folder.
_, CONFIG, PYTHON, DELTA, INFERENCE = BLOCKS


def test_the_snippets_are_of_about_ten_lines():
    assert all(len(block.splitlines()) <= 20 for block in BLOCKS)


def test_the_python_snippet_trains_what_was_selected():
    names = {}
    exec(PYTHON, names)
    tuned, model = names['tuned'], names['model']
    assert tuned.count() == {'selected': 8, 'whole': 8 + 2 * 8 + 2}
    entries = tuned.selected['backbone.weight']
    dense = model['backbone'].weight.flatten()
    assert (dense[entries.indices] == entries.values).all()
    assert names['loss']().item() < 0.69


def test_the_config_snippet_turns_a_plain_config_into_gps(tmp_path):
    plain = """
model = dict(type='EncoderDecoder')
custom_hooks = [dict(type='EMAHook')]
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1),
    clip_grad=dict(max_norm=1.0),
)
"""
    (tmp_path / 'your_config.py').write_text(plain)
    (tmp_path / 'mine.py').write_text(CONFIG)
    config = Config.fromfile(tmp_path / 'mine.py')
    assert config.optim_wrapper.type == 'PeftOptimWrapper'
    assert config.optim_wrapper.optimizer == {'type': 'SGD', 'lr': 0.1}
    assert config.optim_wrapper.clip_grad.max_norm == 1.0
    from mmengine.registry import HOOKS

    hook = HOOKS.build(config.custom_hooks[0])
    assert hook.config == {'type': 'gps', 'k': 1}


def test_the_delta_snippet_ends_with_the_tuned_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(DELTA, names)
    base, tuned = names['base'].state_dict(), names['tuned'].state_dict()
    assert all(torch.equal(base[name], tuned[name]) for name in base)


def test_the_inference_snippet_segments_an_image(tmp_path):
    config = Config.fromfile(README.parent / 'configs/demo/gps.py')
    config.load_from = str(README.parent / config.load_from)
    config.dump(tmp_path / 'config.py')
    base = build_base(config).state_dict()
    tuned = {name: tensor.clone() for name, tensor in base.items()}
    tuned['decode_head.conv_seg.bias'] += torch.tensor([0.0, 1e6])
    task = tmp_path / 'delta.safetensors'
    extract(base, tuned).save(task)
    image = np.zeros((40, 50, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'polyp.jpg'), image)
    snippet = INFERENCE
    for told, here in {
        'configs/gps_kvasir.py': tmp_path / 'config.py',
        'work_dirs/gps_kvasir/best_delta.safetensors': task,
        'polyp.jpg': tmp_path / 'polyp.jpg',
    }.items():
        assert told in snippet
        snippet = snippet.replace(told, str(here))
    names = {}
    exec(snippet, names)
    assert (names['result'].pred_sem_seg.data == torch.ones(1, 40, 50)).all()


def paths_in(text):
    return set(re.findall(r'\b(?:tools|configs)/[\w/-]+\.(?:py|sh)\b', text))


@pytest.mark.parametrize('path', sorted(paths_in(README.read_text())))
def test_every_file_that_the_readme_names_is_there(path):
    assert (README.parent / path).is_file()
