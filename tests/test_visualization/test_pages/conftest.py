"""A work directory as a run leaves it, with names that are out to break it."""

import json

import pytest
import torch
from PIL import Image

from gps_seg.delta import Delta, DeltaInfo
from gps_seg.sparse import Selection

HOSTILE = '<script>alert(1)</script>'
QUOTE = '"><img src=https://evil.example/x onerror="x">'
LAST = {
    'mDice': 71.25,
    'image_mDice': 68.5,
    'mIoU': 60.0,
    'image_mIoU': 57.125,
    f'Dice.{HOSTILE}': 55.5,
    f'IoU.{HOSTILE}': 44.25,
    f'Dice.{QUOTE}': 87.0,
}
PARTS = {'connections': 4736, 'biases': 4480, 'added': 0, 'head': 8706}
ENVIRONMENT = {
    'gps_seg': '9.8.7',
    'python': '3.11.99',
    'command': f'train.py "{HOSTILE}"',
    'packages': {'torch': '2.13.0+cpu'},
    'device': 'A & B <processor>',
    'config': 'polyps & <co>.py',
    'data': {
        'training': {'type': 'PolypDataset', 'images': 1880},
        'validation': {'type': 'PolypDataset', 'images': None},
    },
    'seed': 3,
    'started': '20260101_000000',
    'resumed': False,
    'seconds': 3725.4,
}


@pytest.fixture
def work_dir(tmp_path):
    return fill(tmp_path / 'my "runs" & <co>')


def fill(folder):
    scalars = folder / '20260101_000000/vis_data/scalars.json'
    scalars.parent.mkdir(parents=True)
    lines = [
        {'loss': 0.5, 'iter': 1, 'step': 1},
        {**LAST, 'mDice': 99.0, 'time': 0.1, 'step': 2},
        {'loss': 0.4, 'iter': 3, 'step': 3},
        {**LAST, 'time': 0.2, 'data_time': 0.1, 'step': 4},
    ]
    scalars.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
    trained = {
        'method': {'type': 'gps', 'k': 1, 'note': HOSTILE},
        'selected': 4736,
        'whole': 13186,
        'all': 851842,
        'parts': PARTS,
    }
    (folder / 'trained.json').write_text(json.dumps(trained))
    (folder / 'environment.json').write_text(json.dumps(ENVIRONMENT))
    (folder / ENVIRONMENT['config']).write_text(f'name = {HOSTILE!r}\n# ü\n')
    for name in ('curves.png', 'overlays.png', 'selection.png'):
        Image.effect_noise((60, 20), 50).save(folder / name)
    indices = {
        'backbone.layers.0.attn.weight': torch.tensor([0, 5, 6]),
        'backbone.layers.1.attn.weight': torch.tensor([1, 2]),
    }
    shapes = dict.fromkeys(indices, torch.Size((3, 4)))
    Selection(indices, shapes).save(folder / 'selection.safetensors')
    info = DeltaInfo(metric={**LAST, 'mDice': 99.0})
    Delta({}, info).save(folder / 'best_delta.safetensors')
    return folder
