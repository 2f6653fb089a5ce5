# Copyright (c) gps_seg contributors. Apache-2.0.
"""Make the demo's checkpoint: python tools/pretrain_demo.py OUT.safetensors.

It draws the source domain, trains a small ViT segmentor on it from scratch
(about five minutes on one core) and writes it in half precision, with its
scores and its origin. Another number of threads rounds differently, so scores
can differ by about a point, and the bytes differ.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gps_seg.command_line import add_cfg_options, run_tool, tool_parser
from gps_seg.files import require_new

if TYPE_CHECKING:
    from mmengine.runner import Runner
    from torch import Tensor, nn

CONFIG = Path(__file__).parents[1] / 'configs/demo/pretrain_source.py'


def main() -> int:
    parser = tool_parser(__doc__)
    parser.add_argument('out', type=Path, help='safetensors file to write')
    parser.add_argument(
        '--work-dir',
        default='work_dirs/demo/pretrain',
        help='folder for the results of the training',
    )
    add_cfg_options(parser)
    return run_tool(parser, run)


def run(args: argparse.Namespace) -> str:
    from gps_seg.datasets.synthetic_polyps import ensure_dataset
    from gps_seg.models.weight_files import write_safetensors
    from gps_seg.runs import launch

    require_new(args.out, '.safetensors')
    config = launch.load_config(str(CONFIG), args.work_dir, args.cfg_options)
    ensure_dataset(Path(config.data_root), **config.generator)
    runner = launch.build_runner(config)
    model = runner.train()
    tensors = halved(model)
    # The scores in the file must be those of the rounded weights.
    model.load_state_dict(tensors)
    scores = runner.val_loop.run()
    write_safetensors(args.out, tensors, provenance(runner, scores))
    return (
        f'{args.out}: mDice {scores["mDice"]:.2f}, '
        f'image_mDice {scores["image_mDice"]:.2f}'
    )


def halved(model: nn.Module) -> dict[str, Tensor]:
    """The state of a model, floating-point tensors in float16."""
    return {
        name: tensor.half() if tensor.is_floating_point() else tensor.clone()
        for name, tensor in model.state_dict().items()
    }


def provenance(runner: Runner, scores: dict[str, float]) -> dict[str, str]:
    """The origin of the weights and their scores, as text."""
    import torch

    from gps_seg.engine.reporting.environment import installed_versions

    facts = dict(
        command=shlex.join(['python', *sys.argv]),
        seed=runner.seed,
        iterations=runner.max_iters,
        threads=torch.get_num_threads(),
        **{name: f'{value:.2f}' for name, value in scores.items()},
        **installed_versions(),
    )
    return {name: str(value) for name, value in facts.items()}


if __name__ == '__main__':
    sys.exit(main())
