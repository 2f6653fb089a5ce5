# Copyright (c) gps_seg contributors. Apache-2.0.
"""The page that goes with a delta: what it is, and how to use it.

It says what the delta knows and what its author tells, and nothing else.
"""

import yaml

from gps_seg.runs.sharing import sections
from gps_seg.runs.sharing.facts import Known, Told
from gps_seg.runs.sharing.tasks import task_of
from gps_seg.text.markdown import is_on_hub, paragraphs

TAGS = ('peft', 'delta')


def model_card(known: Known, told: Told) -> str:
    """The page in Markdown, with the front matter that the hub reads."""
    page = paragraphs(
        front_matter(known, told),
        sections.what(known, told),
        sections.base(known, told),
        sections.data(known, told),
        sections.metric(known),
        sections.size(known),
        sections.use(known),
        sections.verify(known),
        sections.intended_use(known, told),
        sections.versions(known),
    )
    return f'{page}\n'


def front_matter(known: Known, told: Told) -> str:
    """The facts for machines, as the Hugging Face hub names them, in YAML."""
    on_hub = is_on_hub(told.base)
    method = known.info['method'].get('type')
    task = task_of(known.config)
    record = {
        'library_name': 'gps_seg',
        'pipeline_tag': task.hub_name,
        'tags': [*task.tags, *TAGS, *([str(method)] if method else [])],
        'license': told.license,
        'base_model': told.base if on_hub else None,
        'base_model_relation': 'adapter' if on_hub else None,
        'datasets': list(told.datasets),
        'metrics': sorted(known.info['metric']),
    }
    filled = {name: value for name, value in record.items() if value}
    text = yaml.safe_dump(filled, sort_keys=False, allow_unicode=True)
    return f'---\n{text}---'
