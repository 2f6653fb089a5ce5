# Copyright (c) gps_seg contributors. Apache-2.0.
"""Whose rate and decay the added parameters take, in real encoders."""

import re

import pytest
from small_encoders import small_model

from gps_seg.peft import VPT, AdaptFormer, Binary, DyT, Mona, Rein, tune

CASES = [
    ('vit', Rein(tokens=4, rank=2)),
    ('vit', DyT(rank=2, complete=False)),
    ('vit', VPT(deep=False)),
    ('swin', AdaptFormer(rank=2)),
    ('swin', Binary(rank=2)),
    ('swin', Mona(rank=2)),
    ('swin', VPT()),
    ('swin', Rein(tokens=4, rank=2)),
    ('beit', AdaptFormer(rank=2)),
]
BLOCK = r'(?:layers|stages)\.\d+(?:\.blocks\.\d+)?'


def neighbour_names(encoder, method):
    """Name of each added parameter -> name of the one that it is beside."""
    model = small_model(encoder)
    tuned = tune(model, method, losses=[], seed=0)
    names = {p: n for n, p in model.named_parameters()}
    return {
        name: (new, names[tuned.beside[new]])
        for new, name in names.items()
        if new in tuned.beside
    }


@pytest.mark.parametrize(('encoder', 'method'), CASES)
def test_matrices_decay_like_weights_of_layers(encoder, method):
    # Not like tokens and tables of positions, which often do not decay.
    found = neighbour_names(encoder, method).values()
    matrices = [plain for new, plain in found if new.ndim > 1]
    assert matrices
    assert all(name.endswith('weight') for name in matrices)


@pytest.mark.parametrize('encoder', ['vit', 'swin'])
def test_what_rein_shares_is_beside_the_last_block(encoder):
    found = neighbour_names(encoder, Rein(tokens=4, rank=2))
    blocks = {
        name: re.search(BLOCK, plain).group()
        for name, (_, plain) in found.items()
    }
    of_tokens = [b for name, b in blocks.items() if name.endswith('.a')]
    assert len({*of_tokens}) == len(of_tokens) > 1
    shared = {b for name, b in blocks.items() if '.shared.' in name}
    assert shared == {of_tokens[-1]}


def test_selectors_of_tokens_are_beside_their_mlps():
    found = neighbour_names('vit', DyT(rank=2, complete=False))
    selectors = [
        (name, plain)
        for name, (_, plain) in found.items()
        if '.selectors.' in name
    ]
    assert len(selectors) == 2 * 2
    for name, plain in selectors:
        number = re.search(r'selectors\.(\d+)', name).group(1)
        assert f'layers.{number}.ffn.layers.' in plain
