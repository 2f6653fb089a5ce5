# Copyright (c) gps_seg contributors. Apache-2.0.
"""Every method tunes the demo's base to hospital A, and beats the linear head.

The settings and rates are those of docs/methods.md. On one core it takes about
ten minutes: ``.venv/bin/python -m pytest -m slow
tests/test_runs/test_demo``.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from mmengine.config import Config
from run_tool import run_tool

from gps_seg.datasets.synthetic_polyps import ensure_dataset
from gps_seg.peft import METHODS
from gps_seg.visualization.plots.run_results import read_run


class Tuned(NamedTuple):
    """A method for the ViT of the demo, which is 128 wide.

    Args:
        lr: Learning rate, the best of a grid on ``splits/tune.txt``; for
            methods with a config in configs/demo, that of the config.
        settings: Values of ``--peft-options``.
        package: Package without which the method is not tested.
    """

    lr: float
    settings: str = ''
    package: str = 'torch'


TUNED = {
    'gps': Tuned(2e-2, 'method.k=1'),
    'sift': Tuned(6e-3, 'method.share=0.02'),
    'grft': Tuned(
        2e-2,
        'method.k=1 method.unit=row method.penalty=0.0 method.last_blocks=0',
    ),
    'fps': Tuned(2e-2, 'method.k=1'),
    'neuroada': Tuned(2e-2, 'method.k=1'),
    'shira': Tuned(6e-2, 'method.rank=2'),
    'paca': Tuned(2e-2, 'method.columns=4'),
    'bias': Tuned(4e-2),
    'bitfit': Tuned(4e-2),
    'norm': Tuned(6e-2),
    'partial': Tuned(6e-3, 'method.last_blocks=1'),
    'linear': Tuned(1e-1),
    'full': Tuned(1e-3),
    'lora': Tuned(6e-3, 'method.rank=8'),
    'ssf': Tuned(2e-2),
    'ia3': Tuned(6e-1),
    'diffit': Tuned(2e-2),
    'fact': Tuned(2e-2, 'method.rank=16'),
    'adapter': Tuned(2e-2, 'method.rank=16'),
    'houlsby': Tuned(2e-2, 'method.rank=8'),
    'adaptformer': Tuned(6e-2, 'method.rank=16'),
    'repadapter': Tuned(2e-2, 'method.rank=8'),
    'mona': Tuned(6e-3, 'method.rank=16'),
    'binary': Tuned(2e-2, 'method.rank=32'),
    'vpt': Tuned(6e-2, 'method.prompts=50'),
    'e2vpt': Tuned(6e-1, 'method.prompts=50'),
    'rein': Tuned(2e-2, 'method.tokens=20 method.rank=8'),
    'spt_lora': Tuned(2e-2, 'method.budget=10000 method.rank=4'),
    'spt_adapter': Tuned(2e-2, 'method.budget=10000 method.rank=4'),
    'sct': Tuned(6e-2),
    'budgeted': Tuned(
        6e-3,
        'method.of.type=lora method.of.rank=8 method.of.on=(all,) '
        'method.budget=16000',
    ),
    'dyt': Tuned(6e-2, 'method.rank=16'),
    'peft': Tuned(
        2e-2,
        'method.peft_type=oft method.settings.oft_block_size=32',
        package='peft',
    ),
}


def test_every_method_has_settings_for_the_demo():
    assert TUNED.keys() == METHODS.keys()


@pytest.fixture(scope='module')
def dice_of(repo_dir, tmp_path_factory):
    """Train the demo by a method: its image Dice at the end, in percent."""
    folder = tmp_path_factory.mktemp('demo')
    config = repo_dir / 'configs/demo/gps.py'
    recipe = Config.fromfile(config)
    ensure_dataset(folder / 'data', **recipe.generator)
    words = [
        f'load_from={repo_dir / recipe.load_from}',
        'default_hooks.report.num_examples=0',
        *(
            f'{split}_dataloader.dataset.data_root={folder / "data"}'
            for split in ('train', 'val', 'test')
        ),
    ]

    def train(method: str) -> float:
        row, out = TUNED[method], Path(folder, method)
        run_tool(
            *('train.py', config, '--work-dir', out, '--method', method),
            *(['--peft-options', *row.settings.split()] * bool(row.settings)),
            *('--cfg-options', f'optim_wrapper.optimizer.lr={row.lr}', *words),
            f'visualizer.name={method}',  # else runs share that of the first
        )
        return read_run(out).metrics['image_mDice']

    return train


@pytest.fixture(scope='module')
def dice_of_linear(dice_of):
    return dice_of('linear')


@pytest.mark.slow
@pytest.mark.usefixtures('coarse_pictures')
@pytest.mark.parametrize('method', sorted(TUNED.keys() - {'linear'}))
def test_a_method_beats_the_linear_head(method, dice_of, dice_of_linear):
    if find_spec(TUNED[method].package) is None:
        pytest.skip(f'needs {TUNED[method].package}')
    assert dice_of(method) > dice_of_linear
