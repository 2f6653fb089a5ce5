"""Trained values of a ViT-B/16, by formulas written out.

A block has four linear maps: queries, keys and values in one, the projection,
and the two of the MLP; and two norms. Besides there are the patch embedding,
a convolution, and the final norm.
"""

import pytest
import torch
from torch import nn

from gps_seg.additions import detach
from gps_seg.peft import METHODS, build_method, tune
from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmpretrain.models import VisionTransformer  # noqa: E402

WIDTH, DEPTH, PATCH = 768, 12, 3 * 16 * 16
OUT = [3 * WIDTH, WIDTH, 4 * WIDTH, WIDTH]
IN = [WIDTH, WIDTH, WIDTH, 4 * WIDTH]
NORM = 2 * WIDTH
BLOCK = sum(o * i + o for o, i in zip(OUT, IN, strict=True)) + 2 * NORM
BIASES = WIDTH + DEPTH * sum(OUT)

COUNTS = {
    # Method and settings: selected entries, values in whole tensors.
    ('linear',): (0, 0),
    ('bias',): (0, BIASES),
    ('bitfit',): (0, BIASES + (2 * DEPTH + 1) * WIDTH),
    ('norm',): (0, (2 * DEPTH + 1) * NORM),
    ('partial', 'last_blocks', 1): (0, BLOCK + NORM),
    ('partial', 'last_blocks', 4): (0, 4 * BLOCK + NORM),
    ('paca', 'columns', 8): (8 * DEPTH * sum(OUT), 0),
    ('neuroada', 'k', 1): (DEPTH * sum(OUT), 0),
    ('shira', 'rank', 2): (2 * DEPTH * (sum(OUT) + sum(IN)), 0),
    ('fps', 'k', 1): (BIASES, BIASES),
    ('lora', 'rank', 8): (0, 8 * DEPTH * 2 * (WIDTH + WIDTH)),  # q and v
    ('ia3',): (0, DEPTH * (WIDTH + WIDTH + 4 * WIDTH)),  # k, v and hidden
    # The biases, the weights of norms, and factors of two branches.
    ('diffit',): (0, BIASES + (2 * DEPTH + 1) * NORM + DEPTH * 2 * WIDTH),
    # Two thin factors, and small matrices of 12 square parts in a block.
    ('fact', 'rank', 16): (0, 2 * 16 * WIDTH + 12 * DEPTH * 16**2),
    # A factor and a shift for each bias and norm weight.
    ('ssf',): (0, 2 * (BIASES + (2 * DEPTH + 1) * WIDTH)),
}


@pytest.fixture(scope='module')
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = VisionTransformer('b', img_size=32, out_type='featmap')
    return nn.ModuleDict({'backbone': backbone})


@pytest.mark.parametrize('case', COUNTS, ids=lambda case: case[0])
def test_as_many_values_train_as_the_formula_says(model, case):
    name, *settings = case
    config = dict([('type', name), settings] if settings else [('type', name)])
    image = torch.ones(1, 3, 32, 32)

    def loss():
        return model['backbone'](image)[0].mean()

    tuned = tune(model, build_method(config, METHODS), [loss], seed=0)
    detach(model)  # the methods take turns
    selected, whole = COUNTS[case]
    assert tuned.count() == {'selected': selected, 'whole': whole}


def test_the_formulas_give_the_published_numbers():
    assert BIASES == 83_712
    assert COUNTS['bitfit',] == (0, 102_912)
    assert COUNTS['norm',] == (0, 38_400)
    assert COUNTS['paca', 'columns', 8] == (663_552, 0)
    assert COUNTS['lora', 'rank', 8] == (0, 294_912)
    assert COUNTS['ssf',] == (0, 205_824)
    assert COUNTS['ia3',] == (0, 55_296)
    assert COUNTS['fact', 'rank', 16] == (0, 61_440)
