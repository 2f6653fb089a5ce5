# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check that a variant can be trained and compared, before any is trained.

Otherwise the last of many variants could fail after hours because of an error
that is visible in its config.
"""

from typing import Any

from mmengine.config import Config

from gps_seg.additions import attached
from gps_seg.engine.metric_names import metrics_of
from gps_seg.engine.training.hook_settings import peft_hook
from gps_seg.engine.training.wrapper_types import type_name
from gps_seg.engine.training_mode import in_training_mode
from gps_seg.peft import METHODS, build_method
from gps_seg.runs.console.screen import quiet
from gps_seg.runs.counting.shapes import model_of_shapes
from gps_seg.runs.method_options import check_hooks
from gps_seg.runs.scoring.images import (
    SCORED,
    first_of,
    is_classifier,
)
from gps_seg.text.scores import METRICS

#: Keys of a config that MMEngine needs for a validation.
VALIDATION_PARTS = ('val_dataloader', 'val_evaluator', 'val_cfg')


def check_variant(name: str, config: Config) -> None:
    """Check validation, method and model of a variant, without its data.

    Args:
        name: Name of the variant, for the error.
        config: Config of the variant; not changed.

    Raises:
        ValueError: If its runs could not be compared, or its method does not
            fit its model.
    """
    try:
        with quiet():
            check_scores(config)
            _check_saving(config)
            _check_method(config)
    # The code of a model may raise anything.
    except Exception as error:
        raise ValueError(f"variant '{name}': {error}") from error


def check_scores(config: Config) -> None:
    """Raise ValueError unless a validation returns the scores to compare.

    A classifier is scored by its accuracy on the images of its test.
    """
    if is_classifier(config):
        first_of(config, SCORED)
        return
    missing = [key for key in VALIDATION_PARTS if config.get(key) is None]
    if missing:
        raise ValueError(
            'config: expected a validation, because its scores are compared, '
            f'got no {", ".join(missing)}. Add them, with '
            "val_evaluator=dict(type='DiceIoUMetric')."
        )
    metrics = metrics_of(config.val_evaluator)
    if not any(_scores(metric) for metric in metrics):
        raise ValueError(
            'val_evaluator: expected DiceIoUMetric without a prefix, got '
            f'{metrics}. Runs are compared by {", ".join(METRICS)}: set '
            "val_evaluator=dict(type='DiceIoUMetric')."
        )


def _scores(metric: Any) -> bool:
    return (
        isinstance(metric, dict)
        and type_name(metric) == 'DiceIoUMetric'
        and not metric.get('prefix')
    )


def _check_saving(config: Config) -> None:
    """Raise ValueError unless a run writes its delta, which is kept."""
    saver = (config.get('default_hooks') or {}).get('checkpoint') or {}
    if not saver or type_name(saver) != 'DeltaHook':
        raise ValueError(
            'default_hooks: expected a DeltaHook as checkpoint, which writes '
            f'the delta of a run, got {dict(saver) or None}. Set '
            "default_hooks.checkpoint=dict(type='DeltaHook', interval=100)."
        )


def _check_method(config: Config) -> None:
    check_hooks(config)
    method = build_method(peft_hook(config).method, METHODS)
    model = model_of_shapes(config)
    with in_training_mode(model):
        roles = method.roles(model)
        with attached(model, method.provisional(model), seed=0):
            method.check(method.scored(model, roles))
        method.additions(model, None)  # raises unless the settings fit
