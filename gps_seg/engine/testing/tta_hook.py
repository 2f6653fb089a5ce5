# Copyright (c) gps_seg contributors. Apache-2.0.
"""Test with augmentation: several scales and flips of an image, averaged.

MMSegmentation's ``SegTTAModel`` averages the probabilities. It wraps the
segmentor, which changes the names of all tensors. Here the runner's model is
wrapped after its weights are complete, so that base, checkpoint and delta are
loaded into the plain segmentor and checked there.
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
        config: Config with a ``tta_pipeline``, and a ``tta_model`` if that is
            not ``SegTTAModel``; changed in place.

    Raises:
        ValueError: If there is no ``tta_pipeline``, it has no
            ``TestTimeAug``, or the data set of the test is not a plain dict
            with a pipeline.

    Example::

        config = Config.fromfile('config.py')
        set_tta(config)
        Runner.from_cfg(config).test()
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

    MMEngine's ``PrepareTTAHook`` does the same, but in a distributed run it
    wraps the distributed wrapper, where ``SegTTAModel`` does not find the
    heads. This hook removes the distributed wrapper, which a test does not
    need.

    The priority is LOW, so that it comes after the hook that loads a delta.

    Args:
        model: Config of the wrapper, without its ``module``.

    Example::

        custom_hooks = [
            dict(type='AugmentedTestHook', model=dict(type='SegTTAModel'))
        ]
    """

    priority = 'LOW'

    def __init__(self, model: dict[str, Any]) -> None:
        self.model = model
        self._plain: nn.Module | None = None

    def before_test(self, runner: Runner) -> None:
        """Wrap the model."""
        self._plain = runner.model
        runner.model = MODELS.build(
            {**self.model, 'module': bare_model(runner)}
        )

    def after_test(self, runner: Runner) -> None:
        """Give the plain model back to the runner."""
        runner.model = self._plain
