# Copyright (c) gps_seg contributors. Apache-2.0.
"""Test every image at several scales and flipped, and average.

MMSegmentation's ``SegTTAModel`` averages the probabilities. It wraps the
segmentor, so the names of all tensors change; here the runner's model is
wrapped only when its weights are complete: base, checkpoint or delta, and the
check that they fit, all see the plain segmentor.
"""

from __future__ import annotations

import copy
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS
from mmengine.runner import Runner
from torch import nn

from gps_seg.engine.runner_model import bare_model


def set_tta(config: Config) -> None:
    """Let a test run average over the augmentations of ``tta_pipeline``.

    Args:
        config: With ``tta_pipeline``; ``tta_model`` may replace
            ``SegTTAModel``. Is changed in place.

    Raises:
        ValueError: If there is no ``tta_pipeline``, or it has no
            ``TestTimeAug``, or the data set of the test is not given by a
            plain dict with a pipeline.
    """
    pipeline = config.get('tta_pipeline') or []
    if not any(step.get('type') == 'TestTimeAug' for step in pipeline):
        types = ', '.join(str(step.get('type')) for step in pipeline)
        raise ValueError(
            "--tta: expected a tta_pipeline with a 'TestTimeAug' in the "
            f'config, got {types or "no tta_pipeline"}. '
            'configs/_base_/datasets/ade20k.py has one.'
        )
    dataset = (config.get('test_dataloader') or {}).get('dataset') or {}
    if 'pipeline' not in dataset:
        raise ValueError(
            '--tta: expected test_dataloader.dataset with a pipeline to '
            f'replace, got the keys {sorted(dataset)}. Name the data set '
            'without a wrapper.'
        )
    dataset['pipeline'] = copy.deepcopy(pipeline)
    model = config.get('tta_model') or {'type': 'SegTTAModel'}
    hook = {'type': 'AugmentedTestHook', 'model': model}
    config.custom_hooks = [*(config.get('custom_hooks') or []), hook]


@HOOKS.register_module()
class AugmentedTestHook(Hook):
    """Wrap the runner's model for a test with augmentation.

    MMEngine's ``PrepareTTAHook`` does so too, around the wrapper of several
    processes, whose heads ``SegTTAModel`` does not find; this hook takes that
    wrapper off, which a test does not need.

    Priority LOW, after the hook that puts a delta on.

    Args:
        model: Config of the wrapper, without its ``module``.
    """

    priority = 'LOW'

    def __init__(self, model: dict[str, Any]) -> None:
        self.model = model
        self._plain: nn.Module | None = None

    def before_test(self, runner: Runner) -> None:
        """Replace the model by its wrapper."""
        self._plain = runner.model
        runner.model = MODELS.build(
            {**self.model, 'module': bare_model(runner)}
        )

    def after_test(self, runner: Runner) -> None:
        """Give the runner its model back."""
        runner.model = self._plain
