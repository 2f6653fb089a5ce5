"""Every family of MMSegmentation's zoo trains with GPS, unchanged.

The model and the optimizer (its groups, decays, clipping and precision) are
those of the family's own config; see ``tests/support/zoo.py``.
"""

import copy
from pathlib import Path

import mmseg
import pytest
import torch
from bits import other_bits
from mmengine.dataset import InfiniteSampler, pseudo_collate
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.utils import register_all_modules
from torch.utils.data import DataLoader
from zoo import FAMILIES, Pairs, build, missing, small_config

from gps_seg.delta import Delta, apply, extract, revert
from gps_seg.engine import PeftHook
from gps_seg.sparse import Role

CONFIGS = Path(mmseg.__file__).parent / '.mim/configs'
WRAPPERS = {
    'OptimWrapper': 'PeftOptimWrapper',
    'AmpOptimWrapper': 'AmpPeftOptimWrapper',
}


class KeepBase(Hook):
    """Copies the model before anything trains."""

    priority = 'VERY_HIGH'  # before PeftHook

    def before_train(self, runner):
        self.base = copy.deepcopy(runner.model)


def train(family, work_dir):
    """Two steps with the family's own optimizer: runner, hook and base."""
    register_all_modules()
    config = small_config(CONFIGS, family)
    model = build(config)
    data = Pairs(model.num_classes, family.side)
    wrapper = dict(config.optim_wrapper)
    wrapper['type'] = WRAPPERS[wrapper['type']]
    hook, keep = PeftHook(method=dict(type='gps', k=1)), KeepBase()
    runner = Runner(
        model,
        str(work_dir),
        train_dataloader=DataLoader(
            data,
            batch_size=2,
            sampler=InfiniteSampler(data, seed=0),
            collate_fn=pseudo_collate,
        ),
        train_cfg=dict(by_epoch=False, max_iters=2),
        optim_wrapper=wrapper,
        custom_hooks=[keep, hook],
        default_hooks=dict(checkpoint=None),
        randomness=dict(seed=0),
        default_scope='mmseg',
        experiment_name=work_dir.name,
    )
    runner.train()
    return runner.model, hook, keep.base


def bits(tensor):
    return tensor.detach().contiguous().view(-1).numpy().tobytes()


def differing(one, other):
    """Names of the tensors of two states that have not the same bits."""
    assert one.keys() == other.keys()
    return [name for name in one if bits(one[name]) != bits(other[name])]


def check_what_moved(model, hook, base):
    before, num_moved = dict(base.named_parameters()), 0
    for name, parameter in model.named_parameters():
        start, end = before[name].detach(), parameter.detach()
        if hook.roles[name] is Role.FROZEN:
            assert bits(start) == bits(end), name
        elif hook.roles[name] is Role.SELECTED:
            moved = other_bits(start, end).flatten().nonzero().flatten()
            assert torch.isin(moved, hook.selection[name]).all(), name
            num_moved += len(moved)
    # A few may have got no gradient: behind a ReLU that is shut, say.
    assert num_moved > 0.9 * hook.selection.num_selected


def check_one_connection_per_neuron(model, selection):
    """By the number of biases that a layer with biases would have."""
    layers = (torch.nn.Linear, torch.nn.modules.conv._ConvNd)
    num_neurons = 0
    for module in model.backbone.modules():
        if isinstance(module, layers) and module.weight.requires_grad:
            num_neurons += getattr(module, 'out_features', 0)
            num_neurons += getattr(module, 'out_channels', 0)
        elif isinstance(module, torch.nn.MultiheadAttention):
            num_neurons += 3 * module.embed_dim
    assert selection.num_selected == num_neurons


def check_delta(model, base, path):
    """The encoder's base and a file give the trained model, and back."""
    start, end = copy.deepcopy(base.state_dict()), model.state_dict()
    encoder = {n: t for n, t in start.items() if n.startswith('backbone.')}
    extract(encoder, end).save(path)
    apply(base, Delta.load(path))
    assert differing(base.state_dict(), end) == []
    revert(base)
    assert differing(base.state_dict(), start) == []


# What the host warns about in its own models is not ours.
@pytest.mark.filterwarnings('ignore', 'error:::gps_seg')
@pytest.mark.parametrize(
    'family',
    [
        pytest.param(
            family, id=name, marks=() if family.is_quick else pytest.mark.slow
        )
        for name, family in FAMILIES.items()
    ],
)
def test_two_steps_and_back(family, tmp_path, monkeypatch):
    if missing(family):
        pytest.skip(f'not installed: {", ".join(missing(family))}')
    monkeypatch.setattr(
        'gps_seg.engine.reporting.selection_report.plot_selection',
        lambda *_: None,
    )
    model, hook, base = train(family, tmp_path)
    check_one_connection_per_neuron(base, hook.selection)
    check_what_moved(model, hook, base)
    check_delta(model, base, tmp_path / 'delta.safetensors')
