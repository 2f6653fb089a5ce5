# Copyright (c) gps_seg contributors. Apache-2.0.
"""The settings of a config that decide the results of a run; their hash."""

import hashlib
import json
from typing import Any

from mmengine.config import Config

#: Parts of a config that decide how a model is trained and scored. Others are
#: variables of the file, and what does not change a result.
PARTS = (
    *('model', 'data_preprocessor', 'load_from', 'auto_scale_lr'),
    *('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'),
    *('val_dataloader', 'val_cfg', 'val_evaluator'),
    *('test_dataloader', 'test_cfg', 'test_evaluator'),
    *('default_hooks', 'custom_hooks', 'randomness', 'runner_type'),
    'compile',
)


def settings_that_count(config: Config) -> dict[str, Any]:
    """The parts of a config that decide its results."""
    settings = config.to_dict()
    return {part: settings[part] for part in PARTS if part in settings}


def hash_of(settings: dict[str, Any]) -> str:
    """SHA-256 of settings, whatever their order."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
