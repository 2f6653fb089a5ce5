# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check at the beginning of a run that its base can be built again.

Neither a delta nor the state of a run holds the base. What no file has was
drawn at random, and is drawn again by the seed; but not after a training on a
GPU, nor if something else drew numbers before the model was initialised.
"""

from pathlib import Path

from mmengine.config import Config
from mmengine.dist import master_only
from mmengine.runner import Runner

from gps_seg.delta.baseline import Baseline
from gps_seg.delta.change import tensor_digest
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.saving.plain_checkpoint import write_checkpoint
from gps_seg.engine.saving.run_files import BASE_FILE
from gps_seg.engine.testing.task_model import build_base


def keep_base(runner: Runner, baseline: Baseline) -> None:
    """Warn of a base that no file holds; write it if no seed draws it.

    Every process must call it, as a download is a matter of all. A runner
    that was given a built model is left alone: no config describes its base.

    Args:
        runner: Runner with the model as the training begins.
        baseline: Baseline of that model.
    """
    if 'model' not in runner.cfg:
        return
    seed = runner.seed
    drawn = _other_tensors(runner.cfg, (seed + 1) % 2**32, baseline)
    if not drawn:
        return
    lost = _other_tensors(runner.cfg, seed, baseline)
    known = baseline.fingerprint or {}
    runner.logger.warning(
        f'base: {len(drawn)} of {len(known)} tensors of the encoder were '
        'drawn at random, as no file that the config names has them '
        f'({drawn[0]}, ...). If it should be pretrained, name its weights in '
        'the init_cfg of the backbone or in load_from, and look for a warning '
        'of missing keys above. '
        + (
            _write(runner, lost)
            if lost
            else f'The seed {seed}, which every delta holds, draws them again.'
        )
    )


def _other_tensors(config: Config, seed: int, baseline: Baseline) -> list[str]:
    """Names of tensors that the config builds otherwise with this seed."""
    built = build_base(config, seed).state_dict()
    return [
        name
        for name, digest in (baseline.fingerprint or {}).items()
        if name not in built or tensor_digest(built[name]) != digest
    ]


def _write(runner: Runner, lost: list[str]) -> str:
    path = Path(runner.work_dir, BASE_FILE)
    _write_model(runner, path)
    return (
        f'{len(lost)} of them cannot be drawn again, so the base is kept: '
        f'{path}. What takes a delta of this run needs it: set load_from in '
        f'the config, or give --cfg-options load_from={path}. --resume finds '
        'it by itself.'
    )


@master_only
def _write_model(runner: Runner, path: Path) -> None:
    write_checkpoint(path, bare_model(runner).state_dict(), {})
