# Copyright (c) gps_seg contributors. Apache-2.0.
"""Runs of the toy model in two processes; for test_distributed.py.

``python distributed_worker.py FOLDER`` writes the results of :func:`train` and
of the cases in ``distributed_cases.py`` to rank0.pt and rank1.pt in the
folder. The processes are forks of this one, so they need not import anything.
They find each other through a file, as a port might be in use.
"""

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing
from mmengine.dataset import DefaultSampler
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader
from toy_run import ToySet, toy_model

from gps_seg.engine import PeftHook
from gps_seg.engine.reporting import selection_report

NUM_PROCESSES = 2
#: Options of a runner in one of several processes.
DISTRIBUTED = {
    'launcher': 'pytorch',
    'cfg': {
        'model_wrapper_cfg': {
            'type': 'MMDistributedDataParallel',
            'device_ids': None,
            'broadcast_buffers': False,
        }
    },
}


class PlainSet(ToySet):
    def __getitem__(self, index):
        return {'x': self.x[index], 'y': self.y[index]}


def exact_model():
    """A model whose output for an image does not depend on its batch."""
    model = toy_model().double()
    model.backbone.batch = nn.Identity()
    model.backbone.drop = nn.Identity()
    return model


def sent_bytes():
    """Count the bytes of every all-reduce from now on."""
    sizes = []
    original = dist.all_reduce

    def counting(tensor, *args, **kwargs):
        sizes.append(tensor.numel() * tensor.element_size())
        return original(tensor, *args, **kwargs)

    dist.all_reduce = counting
    return sizes


def train(work_dir, batch_size, distributed, **settings):
    data = PlainSet(24)
    data.x = data.x.double()
    options = DISTRIBUTED if distributed else {}
    hook = PeftHook(method={'type': 'gps', 'k': 1, **settings})
    runner = Runner(
        exact_model(),
        str(work_dir),
        train_dataloader=DataLoader(
            data,
            batch_size=batch_size,
            sampler=DefaultSampler(data, shuffle=False),
        ),
        train_cfg={'by_epoch': True, 'max_epochs': 2},
        optim_wrapper={
            'type': 'PeftOptimWrapper',
            'optimizer': {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9},
        },
        custom_hooks=[hook],
        default_hooks={'checkpoint': None},
        randomness={'seed': 0},
        **options,
    )
    sizes = sent_bytes() if distributed else []
    runner.train()
    return {
        'state': runner.model.state_dict(),
        'hash': hook.selection.hash,
        'bytes': sizes,
        'trained': sum(
            p.numel() * p.element_size()
            for group in runner.optim_wrapper.param_groups
            for p in group['params']
        ),
    }


def work(rank, folder):
    """Do the work of one process that ``torchrun`` would start."""
    os.environ |= {'RANK': str(rank), 'LOCAL_RANK': str(rank)}
    os.environ['WORLD_SIZE'] = str(NUM_PROCESSES)
    dist.init_process_group(
        'gloo',
        init_method=(folder / 'rendezvous').as_uri(),
        rank=rank,
        world_size=NUM_PROCESSES,
    )
    from distributed_cases import CASES  # which imports this file

    results = {case.__name__: case(folder / case.__name__) for case in CASES}
    results['train'] = train(folder, batch_size=4, distributed=True)
    torch.save(results, folder / f'rank{rank}.pt')
    dist.destroy_process_group()


if __name__ == '__main__':
    torch.set_num_threads(1)
    # A picture would take longer than everything else.
    selection_report.plot_selection = lambda *_: None
    torch.multiprocessing.start_processes(
        work, (Path(sys.argv[1]),), NUM_PROCESSES, start_method='fork'
    )
