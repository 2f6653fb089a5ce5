# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rein against its equations."""

import pytest
import torch
from small_encoders import small_model
from torch import nn

from gps_seg.additions import attach, detach, shapes_of
from gps_seg.peft import METHODS, Rein, build_method


def refined(features, tokens, token_map, feature_map, scale):
    """Equations 2 to 6 of the paper, one image of shape (positions, d)."""
    similarity = (features @ tokens.T / features.shape[1] ** 0.5).exp()
    weights = similarity / similarity.sum(1, keepdim=True)
    near = weights[:, 1:] @ (tokens[1:] @ token_map.weight.T + token_map.bias)
    update = (features + near) @ feature_map.weight.T + feature_map.bias
    return features + scale * update


@pytest.mark.parametrize(
    'encoder', ['vit', 'swin', 'mmpretrain vit', 'mmpretrain convnext']
)
def test_the_features_behind_a_block_follow_the_equations(encoder):
    model = small_model(encoder).double().eval()
    plan = Rein(tokens=5, rank=2, scale=0.5).additions(model, None)
    (settings,) = (added.settings for added in plan)
    prefix, layout = settings['prefix'], settings['layouts'][0]
    plain = behind_first_block(model, settings)
    attach(model, plan, seed=0)
    changed = behind_first_block(model, settings)
    addition = model.get_submodule('backbone.added.token_refinement')
    tokens = addition.blocks[0].a @ addition.blocks[0].b
    shared = addition.shared[str(settings['widths'][0])]
    for one, got in zip(plain, changed, strict=True):
        flat, got = positions(one, layout), positions(got, layout)
        expected = refined(
            flat[prefix:], tokens, shared.of_tokens, shared.of_features, 0.5
        )
        assert torch.equal(got[:prefix], flat[:prefix])
        torch.testing.assert_close(got[prefix:], expected)
    detach(model)
    assert torch.equal(behind_first_block(model, settings), plain)


def positions(image, layout):
    """The features of one image, of shape (positions, d)."""
    return (image.movedim(0, -1) if layout == 'map' else image).flatten(0, -2)


def behind_first_block(model, settings):
    seen = []
    block = model.get_submodule(f'backbone.{settings["blocks"][0]}')
    # This hook comes behind the one of the addition.
    handle = block.register_forward_hook(lambda *a: seen.append(a[2]))
    images = torch.linspace(-1, 1, 2 * 3 * 32**2, dtype=torch.float64)
    with torch.no_grad():
        model.get_submodule('backbone')(images.view(2, 3, 32, 32))
    handle.remove()
    return seen[0]


def test_the_number_of_values_is_that_of_the_formula():
    blocks, width, tokens, rank = 2, 16, 5, 2
    model = small_model('vit')
    plan = Rein(tokens=tokens, rank=rank).additions(model, None)
    shapes = shapes_of(plan, model.state_dict())
    expected = (
        blocks * rank * (tokens + width)  # A and B
        + 2 * (width * width + width)  # the two shared maps
        + 1  # the scale
    )
    assert sum(shape.numel() for shape in shapes.values()) == expected


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'tokens': 1}, 'tokens: expected tokens >= 2, got 1'),
        ({'scale': 0}, 'scale: expected a number above 0'),
        ({'rank': 17}, 'rank: expected 1 to 16, .* got 17'),
        ({'tokens': 4, 'rank': 5}, 'rank: expected 1 to 4, .* got 5'),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build_method({'type': 'rein', **settings}, METHODS).additions(
            small_model('vit'), None
        )


def test_an_encoder_without_blocks_is_refused():
    model = nn.ModuleDict({'backbone': nn.Linear(4, 4)})
    with pytest.raises(ValueError, match='expected blocks of .* Linear'):
        Rein().additions(model, None)
