# Copyright (c) gps_seg contributors. Apache-2.0.
"""The metric by which a config scores segmentors."""

from collections.abc import Sequence

from mmengine.config import Config

from gps_seg.engine.metric_names import metrics_of
from gps_seg.engine.training.wrapper_types import type_name
from gps_seg.evaluation import DiceIoUMetric


def own_metric(config: Config, evaluators: Sequence[str]) -> DiceIoUMetric:
    """A new ``DiceIoUMetric`` with the settings of the config's own.

    Args:
        config: Config that may have evaluators; without a ``DiceIoUMetric``
            among them the metric has its defaults.
        evaluators: Names of evaluators, the preferred one first.
    """
    key = next((key for key in evaluators if config.get(key)), None)
    found = [
        dict(metric)
        for metric in metrics_of(config.get(key) if key else None)
        if isinstance(metric, dict) and type_name(metric) == 'DiceIoUMetric'
    ]
    # Runs are compared by the scores without a prefix.
    found.sort(key=lambda metric: bool(metric.get('prefix')))
    settings = found[0] if found else {}
    names = ('foreground', 'ignore_index')
    return DiceIoUMetric(
        **{name: settings[name] for name in names if name in settings}
    )
