# Copyright (c) gps_seg contributors. Apache-2.0.
"""The names of the metrics that a validation returns.

A wrong ``save_best`` should be an error before the run, not after the first
validation.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from mmengine.config import Config

from gps_seg.engine.training.wrapper_types import type_name
from gps_seg.evaluation import POLYP_SCORES, PolypMetric
from gps_seg.text.scores import METRICS, is_of_a_class

#: ``iou_metrics`` of MMSegmentation's ``IoUMetric`` -> names of its scores.
_BY_IOU_METRIC = {
    'mIoU': ('mIoU', 'mAcc'),
    'mDice': ('mDice', 'mAcc'),
    'mFscore': ('mFscore', 'mPrecision', 'mRecall'),
}


def metrics_of(evaluator: Any) -> list[Any]:
    """The metrics of an evaluator, whose settings may be dicts or lists."""
    if isinstance(evaluator, dict):
        evaluator = evaluator.get('metrics', evaluator)
    return list(evaluator) if isinstance(evaluator, list) else [evaluator]


def check_save_best(config: Config) -> None:
    """Check that ``save_best`` names a metric of the validation.

    Names are checked only if all metrics of the config are of known types.

    Raises:
        ValueError: If a ``DeltaHook`` has ``save_best='auto'``, or no metric
            of the config returns a score of this name.
    """
    hook = (config.get('default_hooks') or {}).get('checkpoint')
    wanted = hook.get('save_best') if isinstance(hook, dict) else None
    if wanted == 'auto' and type_name(hook) == 'DeltaHook':
        raise ValueError(
            'default_hooks.checkpoint.save_best: expected the name of a '
            "metric, got 'auto' (DeltaHook). Name the metric, such as 'mIoU'."
        )
    metrics = metrics_of(config.get('val_evaluator'))
    if not wanted or not all(map(_is_known, metrics)):
        return
    given = sorted({name for m in metrics for name in _names_given_by(m)})
    for name in [wanted] if isinstance(wanted, str) else wanted:
        if name not in ('auto', *given) and not is_of_a_class(name):
            close = get_close_matches(name, given, 1)
            hint = f' Did you mean {close[0]!r}?' if close else ''
            raise ValueError(
                'default_hooks.checkpoint.save_best: expected one of the '
                f'metrics {given} of val_evaluator, got {name!r}.{hint}'
            )


def _is_known(metric: Any) -> bool:
    return isinstance(metric, dict) and type_name(metric) in _NAMES


def _names_given_by(metric: Mapping[str, Any]) -> list[str]:
    prefix, names = _NAMES[type_name(metric)]
    prefix = metric.get('prefix') or prefix
    return [f'{prefix}/{n}' if prefix else n for n in names(metric)]


def _of_iou_metric(metric: Mapping[str, Any]) -> Iterable[str]:
    asked = metric.get('iou_metrics', ['mIoU'])
    asked = [asked] if isinstance(asked, str) else asked
    return ['aAcc', *(n for a in asked for n in _BY_IOU_METRIC.get(a, ()))]


def _of_accuracy(metric: Mapping[str, Any]) -> Iterable[str]:
    topk = metric.get('topk', 1)
    return [f'top{k}' for k in ([topk] if isinstance(topk, int) else topk)]


def _of_dice_iou(_: Mapping[str, Any]) -> Iterable[str]:
    return METRICS


def _of_polyps(_: Mapping[str, Any]) -> Iterable[str]:
    return POLYP_SCORES


#: Type -> prefix, and names of the scores as a function of the settings.
_NAMES: Mapping[
    str | None,
    tuple[str | None, Callable[[Mapping[str, Any]], Iterable[str]]],
] = {
    'DiceIoUMetric': (None, _of_dice_iou),
    'PolypMetric': (PolypMetric.default_prefix, _of_polyps),
    'IoUMetric': (None, _of_iou_metric),
    'Accuracy': ('accuracy', _of_accuracy),
}
