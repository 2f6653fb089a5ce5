# Copyright (c) gps_seg contributors. Apache-2.0.
"""The head of a model card: metadata as the Hugging Face hub specifies it.

The specification is modelcard.md in https://github.com/huggingface/hub-docs.
``ModelCardData`` of huggingface_hub would write it, but neither this package
nor OpenMMLab depends on that library.
"""

from typing import Any

import yaml

from gps_seg.runs.sharing.config_facts import dataset_name
from gps_seg.runs.sharing.facts import AuthorNotes, DeltaFacts
from gps_seg.runs.sharing.tasks import task_of
from gps_seg.runs.sharing.title import title_of
from gps_seg.text.dice_and_iou import require_possible_scores
from gps_seg.text.markdown import is_on_hub
from gps_seg.text.scores import overall

_TAGS = ('peft', 'delta')
# Metrics that the hub has an identifier for (hf.co/metrics). It has none for
# Dice.
_HUB_METRICS = {'mIoU': 'mean_iou', 'accuracy/top1': 'accuracy'}


def front_matter(facts: DeltaFacts, notes: AuthorNotes) -> str:
    """The facts as YAML between two lines ``---``; unknown facts are omitted.

    Args:
        facts: Facts about the delta.
        notes: Notes of its author.

    Raises:
        ValueError: If its Dice and IoU cannot be of the same images.
    """
    on_hub = is_on_hub(notes.base)
    method = facts.info['method'].get('type')
    task = task_of(facts.config)
    scores = overall(facts.info['metric'])
    require_possible_scores(scores, 'metric of the delta')
    record = {
        'library_name': 'gps_seg',
        'pipeline_tag': task.hub_name,
        'tags': [*task.tags, *_TAGS, *([str(method)] if method else [])],
        'license': notes.license,
        'base_model': notes.base if on_hub else None,
        'base_model_relation': 'adapter' if on_hub else None,
        # The hub accepts only names of its own data sets.
        'datasets': [name for name in notes.datasets if is_on_hub(name)],
        'metrics': [_HUB_METRICS[n] for n in scores if n in _HUB_METRICS],
        'model-index': _model_index(facts, notes, scores),
    }
    filled = {name: value for name, value in record.items() if value}
    text = yaml.safe_dump(filled, sort_keys=False, allow_unicode=True)
    return f'---\n{text}---'


def _model_index(
    facts: DeltaFacts, notes: AuthorNotes, scores: dict[str, float]
) -> list[dict[str, Any]]:
    """The scores in the delta; empty without scores or validation data."""
    name = dataset_name(facts.config)
    if not scores or not name:
        return []
    on_hub = [dataset for dataset in notes.datasets if is_on_hub(dataset)]
    result = {
        'task': {'type': task_of(facts.config).hub_name},
        'dataset': {
            'type': on_hub[0] if len(on_hub) == 1 else name,
            'name': name,
            'split': 'validation',
        },
        'metrics': [
            {
                'type': _HUB_METRICS.get(metric, metric),
                'value': round(value, 2),
                'name': metric,
            }
            for metric, value in scores.items()
        ],
    }
    return [{'name': title_of(facts, notes), 'results': [result]}]
