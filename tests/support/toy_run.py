# Copyright (c) gps_seg contributors. Apache-2.0.
"""A small model, data set and runner for the tests of the engine."""

import copy

import torch
from bits import other_bits
from mmengine.dataset import InfiniteSampler
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader, Dataset

from gps_seg.engine import PeftHook


class ToySet(Dataset):
    """Pairs of noise and label; the augmentation is random."""

    def __init__(self, length=24, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(length, 3, 8, 8, generator=generator)
        self.y = torch.randint(0, 2, (length,), generator=generator)
        self.reads = 0

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        self.reads += 1
        noise = torch.rand(()) * 0.1
        return {'x': self.x[index] + noise, 'y': self.y[index]}


class ForbiddenSet(ToySet):
    """A test split that must not be read."""

    def __getitem__(self, index):
        raise AssertionError('the test split was read')


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.stem = nn.Conv2d(3, 8, 4, stride=4)
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.batch = nn.BatchNorm1d(5)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        x = x + self.attn(x, x, x)[0]
        return self.drop(self.batch(self.norm(self.fc(x).relu() + x)))


class ToyModel(BaseModel):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.decode_head = nn.Linear(8, 2)

    def forward(self, x, y, mode='tensor'):
        logits = self.decode_head(self.backbone(x)[:, 0])
        if mode == 'loss':
            return {'loss': nn.functional.cross_entropy(logits.float(), y)}
        return logits


# Tensors of the toy model that GPS trains whole: biases and the head.
WHOLE = {
    'backbone.stem.bias',
    'backbone.attn.in_proj_bias',
    'backbone.attn.out_proj.bias',
    'backbone.fc.bias',
    'decode_head.weight',
    'decode_head.bias',
}


def toy_model(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return ToyModel()


def run(
    work_dir,
    *,
    model=None,
    method=None,
    optimizer=None,
    wrapper='PeftOptimWrapper',
    iters=6,
    hooks=(),
    dataset=None,
    num_workers=0,
    seed=0,
    train=True,
    checkpoint=None,
    **options,
):
    """Train the toy model; return the runner and the state before."""
    model = model or toy_model()
    before = copy.deepcopy(model.state_dict())
    method = method or {'type': 'gps', 'k': 2}
    dataset = dataset or ToySet()
    hook_options = options.pop('hook_options', {})
    wrapper_options = options.pop('wrapper_options', {})
    runner = Runner(
        model,
        str(work_dir),
        train_dataloader=DataLoader(
            dataset,
            batch_size=4,
            sampler=InfiniteSampler(dataset, seed=seed),
            num_workers=num_workers,
        ),
        train_cfg={
            'by_epoch': False,
            'max_iters': iters,
            **options.pop('train_cfg', {}),
        },
        optim_wrapper={
            'type': wrapper,
            'optimizer': optimizer or {'type': 'SGD', 'lr': 0.1},
            **wrapper_options,
        },
        custom_hooks=[
            *hooks,
            PeftHook(method=method, **hook_options),
        ],
        default_hooks={
            'checkpoint': checkpoint
            or {'type': 'CheckpointHook', 'interval': 3, 'by_epoch': False}
        },
        randomness={'seed': seed, **options.pop('randomness', {})},
        experiment_name=f'toy-{work_dir.name}-{id(model)}',
        **options,
    )
    runner.custom_hook = next(
        hook for hook in runner.hooks if isinstance(hook, PeftHook)
    )
    if train:
        runner.train()
    return runner, before


def moved(before, after):
    """Name of each tensor -> mask of the entries whose bits differ."""
    return {name: other_bits(before[name], after[name]) for name in before}
