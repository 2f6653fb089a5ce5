# Copyright (c) gps_seg contributors. Apache-2.0.
"""Augmentation follows the seed, and no argument is ignored."""

from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import worker_init_fn
from mmseg.registry import TRANSFORMS
from torch.utils.data import DataLoader

from gps_seg.datasets import ReproducibleAlbu

IMAGE = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
MASK = (IMAGE[..., 0] > 127).astype(np.uint8)
TRANSFORMS_CFG = [
    {'type': 'HorizontalFlip', 'p': 0.5},
    {
        'type': 'OneOf',
        'transforms': [
            {'type': 'Affine', 'rotate': (-20, 20), 'fill_mask': 255},
            {'type': 'GaussNoise', 'std_range': (0.1, 0.2)},
        ],
        'p': 0.8,
    },
    {'type': 'ColorJitter', 'p': 0.5},
]


class Repeated(torch.utils.data.Dataset):
    """The same image again and again, augmented."""

    def __init__(self, number):
        self.number = number
        self.augment = ReproducibleAlbu(TRANSFORMS_CFG)

    def __len__(self):
        return self.number

    def __getitem__(self, index):
        return self.augment(sample())['img']


def sample():
    return {'img': IMAGE.copy(), 'gt_seg_map': MASK.copy()}


def outputs(seed, number=10, cfg=TRANSFORMS_CFG):
    albu = ReproducibleAlbu(cfg)
    np.random.seed(seed)
    return [albu(sample())['img'].tobytes() for _ in range(number)]


def test_is_registered():
    assert TRANSFORMS.get('mmseg.ReproducibleAlbu') is ReproducibleAlbu


def test_same_seed_same_output():
    assert outputs(3) == outputs(3)


def test_other_seed_other_output():
    assert outputs(3) != outputs(4)


def test_calls_differ_from_one_another():
    assert len(set(outputs(3))) > 5


def test_a_sample_does_not_depend_on_the_ones_before():
    albu = ReproducibleAlbu(TRANSFORMS_CFG)
    first = []
    for calls_before in (0, 5):
        for _ in range(calls_before):
            albu(sample())
        np.random.seed(7)
        first.append(albu(sample())['img'].tobytes())
    assert first[0] == first[1]


def test_takes_one_number_from_numpy_whatever_happens():
    states = []
    for cfg in ([], TRANSFORMS_CFG):
        outputs(3, number=4, cfg=cfg)
        states.append(np.random.get_state()[1].tolist())
    assert states[0] == states[1]


def test_transforms_are_drawn_independently():
    # With one seed for each, both flips would always go together.
    flips = [{'type': 'HorizontalFlip'}, {'type': 'VerticalFlip'}]
    counts = Counter(outputs(0, number=200, cfg=flips))
    assert len(counts) == 4
    assert min(counts.values()) > 25


def test_nested_transforms_obey_too():
    cfg = [
        {
            'type': 'OneOf',
            'p': 1.0,
            'transforms': [
                {'type': 'GaussNoise', 'std_range': (0.1, 0.2), 'p': 1.0},
                {'type': 'RandomBrightnessContrast', 'p': 1.0},
            ],
        }
    ]
    assert outputs(1, cfg=cfg) == outputs(1, cfg=cfg)
    assert len(set(outputs(1, cfg=cfg))) == 10


def test_mask_moves_with_the_image():
    flip = ReproducibleAlbu([{'type': 'HorizontalFlip', 'p': 1.0}])
    result = flip(sample())
    assert np.array_equal(result['img'], IMAGE[:, ::-1])
    assert np.array_equal(result['gt_seg_map'], MASK[:, ::-1])


def loaded(num_workers, seed=5):
    def init(worker_id):
        worker_init_fn(worker_id, num_workers, rank=0, seed=seed)

    loader = DataLoader(
        Repeated(12),
        batch_size=1,
        num_workers=num_workers,
        worker_init_fn=init,
        multiprocessing_context='fork',
    )
    return [batch.numpy().tobytes() for batch in loader]


def test_workers_repeat_themselves_but_not_one_another():
    first = loaded(num_workers=2)
    assert first == loaded(num_workers=2)
    assert not set(first[0::2]) & set(first[1::2])


def test_first_worker_is_the_same_whatever_their_number():
    np.random.seed(5)
    alone = ReproducibleAlbu(TRANSFORMS_CFG)
    expected = [alone(sample())['img'].tobytes() for _ in range(4)]
    assert loaded(num_workers=1)[:4] == expected
    assert loaded(num_workers=2)[0:8:2] == expected


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (
            {'type': 'GaussNoise', 'var_limit': (10, 50)},
            'GaussNoise: .* among .*std_range.* got var_limit, which',
        ),
        (
            {'type': 'HorizontalFlip', 'probability': 1},
            'HorizontalFlip: expected arguments among p, got probability,',
        ),
        (
            {
                'type': 'OneOf',
                'transforms': [{'type': 'CoarseDropout', 'max_holes': 3}],
            },
            'CoarseDropout: .* got max_holes',
        ),
        (
            {'type': 'JpegCompression', 'quality_lower': 50},
            r"expected a transform of Albumentations .* got 'JpegCompression'",
        ),
    ],
)
def test_ignored_arguments_are_errors(cfg, message):
    with pytest.raises(ValueError, match=message):
        ReproducibleAlbu([cfg])
