"""The demo's model, two tasks on it, and images to test them on."""

import copy
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file

from gps_seg.delta import DeltaInfo, extract

REPO = Path(__file__).resolve().parents[2]
HEAD = 'decode_head.'
NUM_IMAGES = 3
CONFIG = f"""
_base_ = '{REPO}/configs/demo/gps.py'
load_from = '{{folder}}/base.pth'
test_dataloader = dict(
    batch_size=2, dataset=dict(data_root='{{folder}}', ann_file='test.txt')
)
"""
INFO = DeltaInfo(
    classes=('background', 'polyp'),
    palette=((0, 0, 0), (255, 0, 0)),
    method={'type': 'gps', 'k': 1},
    config='k = 1\n',
    metric={'mDice': 88.25},
)


class DemoTasks:
    """A folder with a base, a config that builds it, two tasks, a test set.

    ``base`` and ``tuned[name]`` are state dicts; ``config`` and the names of
    the tasks, ``one`` and ``two``, are paths of files. Tests share them, so
    none may change them.
    """

    def __init__(self, folder):
        self.folder = folder
        self.base = read_base()
        torch.save({'state_dict': self.base}, folder / 'base.pth')
        self.config = folder / 'config.py'
        self.config.write_text(CONFIG.format(folder=folder))
        self.tuned = {}
        for seed, name in enumerate(('one', 'two')):
            tuned = tune(self.base, seed)
            encoder = without_head(self.base)
            delta = extract(encoder, tuned, INFO)
            delta.save(folder / f'{name}.safetensors')
            self.tuned[name] = tuned
        self.one, self.two = (folder / f'{n}.safetensors' for n in self.tuned)
        draw_images(folder)


def read_base():
    """The weights of the demo, in single precision."""
    half = load_file(REPO / 'data/demo/vit-demo_source.safetensors')
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in half.items()
    }


def tune(base, seed):
    """Weights of a task, by plain indexing: a weight of each
    neuron of the encoder, its biases, and a head of its own."""
    generator = torch.Generator().manual_seed(seed)
    tuned = copy.deepcopy(base)
    for name, tensor in tuned.items():
        if name.startswith(HEAD) or name.endswith('.bias'):
            noise = torch.rand(tensor.shape, generator=generator)
            tuned[name] = tensor + (0.1 * noise).to(tensor.dtype)
        elif 'layers' in name and tensor.ndim == 2:
            rows, columns = tensor.shape
            column = torch.randint(columns, (rows,), generator=generator)
            indices = torch.arange(rows) * columns + column
            tensor.view(-1)[indices] += 0.05
    return tuned


def draw_images(folder):
    rng = np.random.default_rng(0)
    for part in ('images', 'masks'):
        (folder / part).mkdir()
    ids = [f'image{i}' for i in range(NUM_IMAGES)]
    for name in ids:
        image = rng.integers(0, 255, (112, 112, 3), dtype=np.uint8)
        mask = (image[..., 0] > 100).astype(np.uint8)
        cv2.imwrite(str(folder / f'images/{name}.jpg'), image)
        cv2.imwrite(str(folder / f'masks/{name}.png'), mask)
    (folder / 'test.txt').write_text('\n'.join(ids))


def without_head(state):
    return {n: t for n, t in state.items() if not n.startswith(HEAD)}


def encoder_alone(state):
    """As a file of pretrained weights has it: without the model's prefix."""
    return {
        name.removeprefix('backbone.'): tensor
        for name, tensor in without_head(state).items()
    }


def assert_same_bits(state, expected):
    assert state.keys() == expected.keys()
    for name, tensor in expected.items():
        assert state[name].dtype == tensor.dtype, name
        assert torch.equal(state[name], tensor), name
