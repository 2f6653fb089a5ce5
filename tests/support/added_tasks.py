# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tasks whose method adds modules to a ViT of MMPretrain, and their deltas."""

import copy

import torch

from gps_seg.additions import Added, Place, Plan, attach, is_added
from gps_seg.delta import DeltaInfo, extract

HEAD = 'decode_head.'
QKV = 'backbone.layers.{}.attn.qkv.weight'
PROJ = 'backbone.layers.{}.attn.proj.weight'
SCALE = 0.5


def plan_of_kind(kind, width):
    """Two additions: of queries in block 0, and of all outputs in block 1."""
    settings = {
        'prompts': {
            'shape': [3, width],
            'prefix': 1,
            'bound': 0.5,
            'dropout': 0.0,
        },
        'low_rank': {'rank': 2, 'scale': SCALE, 'dropout': 0.0},
        'bottleneck': {'rank': 2, 'activation': 'gelu', 'init': 'zero_up'},
    }
    places = [Place(QKV.format(0), (0, width)), Place(PROJ.format(1))]
    if kind == 'prompts':
        places = [Place('backbone.layers.0'), Place('backbone.layers.1')]
    return Plan(Added(kind, place, settings[kind]) for place in places)


def tune_by_adding(model, kind):
    """Attach a plan; give the new tensors and the head other values."""
    width = model.state_dict()[QKV.format(0)].shape[1]
    attach(model, plan_of_kind(kind, width), seed=0)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if is_added(name) or name.startswith(HEAD):
                noise = torch.randn(parameter.shape, generator=generator)
                parameter += 0.3 * noise
    return model


def delta_by_adding(model, kind, info=None):
    """Delta of such a task on a model, and the tuned model."""
    tuned = tune_by_adding(copy.deepcopy(model), kind)
    base = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith(HEAD)
    }
    width = base[QKV.format(0)].shape[1]
    facts = vars(info or DeltaInfo(classes=('background', 'polyp')))
    plan = plan_of_kind(kind, width).to_json()
    facts = {**facts, 'method': {'type': kind}, 'added': plan}
    return extract(base, tuned.state_dict(), DeltaInfo(**facts)), tuned


def folded_by_hand(tuned):
    """The state dict of the plain model, from the definition of LoRA."""
    state = tuned.state_dict()
    plain = {n: t.clone() for n, t in state.items() if not is_added(n)}
    width = plain[QKV.format(0)].shape[1]

    def update(host, name):
        thin = f'{host}.added.{name}'
        return SCALE * state[f'{thin}.b'] @ state[f'{thin}.a']

    plain[QKV.format(0)][:width] += update(
        'backbone.layers.0.attn.qkv', f'low_rank_0_{width}'
    )
    plain[PROJ.format(1)] += update('backbone.layers.1.attn.proj', 'low_rank')
    return plain


def assert_close(found, expected):
    """Equal names, and values but for rounding."""
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, msg=name)
