# Copyright (c) gps_seg contributors. Apache-2.0.
"""Cases for two processes of test_distributed.py, besides a plain training.

Each case takes a folder and returns the values that the test compares. In one
process it returns the expected values.
"""

from contextlib import suppress

import torch
from distributed_worker import DISTRIBUTED, PlainSet, exact_model, train
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from torch import nn
from torch.utils.data import DataLoader
from toy_run import run, toy_model

from gps_seg.engine.selecting.head_warmup import warmed_up
from gps_seg.engine.selecting.scoring_data import scoring_loader


def options():
    """Options of a runner, in two processes or in one."""
    return DISTRIBUTED if get_world_size() > 1 else {}


def double_set(length=24):
    data = PlainSet(length)
    data.x = data.x.double()
    return data


def deep_head():
    """A head whose layers lie in another order in memory in each process."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layers = [nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)]
        head = nn.Sequential(*layers, nn.Linear(8, 2)).double()
    owners = list(head)
    for layer in owners[::-1] if get_rank() else owners:
        for name in ('bias', 'weight') if get_rank() else ('weight', 'bias'):
            value = getattr(layer, name).detach().clone()
            setattr(layer, name, nn.Parameter(value))
    return head


def warmed_head(folder):
    """The head after three steps of warm-up with eight images each."""
    model = exact_model()
    model.decode_head = deep_head()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loader = DataLoader(double_set(), batch_size=8 // get_world_size())
    batches = scoring_loader(loader, 0)
    with warmed_up(model, 'backbone', 3, batches, optimizer):
        state = model.decode_head.state_dict()
        return {name: tensor.clone() for name, tensor in state.items()}


def unused_parameters(folder):
    """Two decayed parameters that no loss uses, or only that of process 0."""
    model = exact_model()
    for name in ('never', 'sometimes'):
        head = model.decode_head
        head.register_parameter(name, nn.Parameter(torch.ones(3).double()))
    plain = model.forward

    def forward(x, y, mode='tensor'):
        losses = plain(x, y, mode)
        if get_rank() == 0:
            losses['loss'] = losses['loss'] + model.decode_head.sometimes.sum()
        return losses

    model.forward = forward
    runner, _ = run(
        folder,
        model=model,
        dataset=double_set(),
        optimizer={'type': 'AdamW', 'lr': 0.1, 'weight_decay': 0.1},
        **options(),
    )
    head = runner.model.decode_head
    return {
        name: getattr(head, name).detach() for name in ('never', 'sometimes')
    }


class StoppedError(Exception):
    pass


class StopAfter(Hook):
    priority = 'LOWEST'

    def __init__(self, iters):
        self.iters = iters

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == self.iters:
            raise StoppedError


def resumed_in_an_accumulation(folder):
    """The weights of a run, and of one that was stopped within a step."""

    def train(name, hooks=(), **others):
        runner, _ = run(
            folder / name,
            model=exact_model(),
            dataset=double_set(),
            hooks=[{'type': 'SeededStepsHook'}, *hooks],
            wrapper_options={'accumulative_counts': 3},
            checkpoint={'type': 'DeltaHook', 'interval': 1},
            iters=6,
            **others,
            **options(),
        )
        return runner.model.state_dict()

    straight = train('straight')
    with suppress(StoppedError):
        train('stopped', hooks=[StopAfter(2)])
    return straight, train('stopped', resume=True)


class WatchedSet(PlainSet):
    """A set that records which images were read."""

    def __init__(self, length=24):
        super().__init__(length)
        self.seen = []

    def __getitem__(self, index):
        self.seen.append(index)
        return super().__getitem__(index)


class Looked(Hook):
    """Record the images that were read before the first step."""

    priority = 'LOW'

    def before_train(self, runner):
        self.images = list(runner.train_dataloader.dataset.seen)


def seeds_of_their_own(folder):
    """Selections of processes with different seeds, and the images read."""
    results = {}
    for score in ('gradient', 'random'):
        looked = Looked()
        runner, _ = run(
            folder / score,
            model=toy_model(),
            dataset=WatchedSet(),
            method={'type': 'gps', 'k': 1, 'score': score},
            hooks=[looked],
            iters=1,
            randomness={'seed': 5, 'diff_rank_seed': True},
            **options(),
        )
        selection = runner.custom_hook.selection
        results[score] = runner.seed, selection.hash, looked.images
    return results


def zero_redundancy(folder):
    """The error for an optimizer that shards its state."""
    optimizer = {
        'type': 'ZeroRedundancyOptimizer',
        'optimizer_type': 'SGD',
        'lr': 0.1,
    }
    try:
        run(folder, optimizer=optimizer, **options())
    except ValueError as error:
        return str(error)
    return 'nothing'


def unit_steps(folder):
    """A training with unit steps on batches of eight images."""
    size = get_world_size()
    settings = {'score': 'decrement', 'step': 'unit'}
    return train(folder, 8 // size, distributed=size > 1, **settings)


CASES = (
    unit_steps,
    zero_redundancy,
    warmed_head,
    unused_parameters,
    resumed_in_an_accumulation,
    seeds_of_their_own,
)
