# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check at the start of a run that its base can be built again.

Neither a delta nor the state of a run contains the base. Tensors that are in
no file were drawn at random. The seed draws them again, unless they were drawn
on a GPU, or other random numbers were drawn before the model was initialised.
"""

from pathlib import Path

from mmengine.config import Config
from mmengine.dist import master_only
from mmengine.runner import Runner

from gps_seg.delta.baseline import Baseline
from gps_seg.delta.change import tensor_digest
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.saving.plain_checkpoint import write_checkpoint
from gps_seg.engine.testing.task_model import build_base
from gps_seg.files.run_files import BASE_FILE


def keep_base(runner: Runner, baseline: Baseline) -> None:
    """Warn if parts of the base are random; write a base that has no seed.

    Every process must call this function, because building the base may
    download weights. Nothing is done if the runner was given a built model:
    no config describes its base.

    Args:
        runner: Runner with the model at the start of the training.
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
        'drawn at random, because no file that the config names has them '
        f'({drawn[0]}, ...). If it should be pretrained, name its weights in '
        'the init_cfg of the backbone or in load_from, and look for a warning '
        'about missing keys above. '
        + (
            _write(runner, lost)
            if lost
            else f'The seed {seed}, saved in every delta, draws them again.'
        )
    )


def _other_tensors(config: Config, seed: int, baseline: Baseline) -> list[str]:
    """Names of tensors that the config builds differently with this seed."""
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
        f'{len(lost)} of them cannot be drawn again, so the base was saved: '
        f'{path}. Every use of a delta of this run needs it: set load_from in '
        f'the config, or give --cfg-options load_from={path}. --resume finds '
        'it by itself.'
    )


@master_only
def _write_model(runner: Runner, path: Path) -> None:
    write_checkpoint(path, bare_model(runner).state_dict(), {})
