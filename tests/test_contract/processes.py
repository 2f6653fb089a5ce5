# Copyright (c) gps_seg contributors. Apache-2.0.
"""Runs of some methods in two processes; for test_processes.py.

``python processes.py FOLDER`` writes the trained weights of each method to
rank0.pt and rank1.pt in the folder.
"""

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing
from cases import CASES
from contract_models import IMAGE, small_model
from distributed_worker import DISTRIBUTED, NUM_PROCESSES, PlainSet
from mmengine.dist import get_world_size
from toy_run import run

#: One that selects entries, one with forms of weights, one with hooks, one
#: that attaches something while it chooses.
METHODS = ('gps', 'lora', 'rein', 'e2vpt_pruned')
ENCODER = 'seg_vit'


class Images(PlainSet):
    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.x = torch.randn(24, 3, IMAGE, IMAGE, generator=generator)
        self.x = self.x.double()


def trained(folder, method):
    """The weights after six steps with eight images each."""
    alone = get_world_size() == 1
    runner, _ = run(
        folder / method,
        model=small_model(ENCODER).double(),
        method={'type': method, **CASES[method].settings},
        dataset=Images(),
        optimizer={'type': 'SGD', 'lr': 0.1, 'momentum': 0.9},
        # Absolute values are of batches, which are smaller in two processes.
        hook_options={'batch_size': 1},
        wrapper_options={'accumulative_counts': 2 if alone else 1},
        iters=12 if alone else 6,
        **({} if alone else DISTRIBUTED),
    )
    return runner.model.state_dict()


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
    results = {method: trained(folder, method) for method in METHODS}
    torch.save(results, folder / f'rank{rank}.pt')
    dist.destroy_process_group()


if __name__ == '__main__':
    from gps_seg.engine.reporting import selection_report

    torch.set_num_threads(1)
    # A picture would take longer than everything else.
    selection_report.plot_selection = lambda *_: None
    torch.multiprocessing.start_processes(
        work, (Path(sys.argv[1]),), NUM_PROCESSES, start_method='fork'
    )
