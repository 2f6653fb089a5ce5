# Copyright (c) gps_seg contributors. Apache-2.0.
"""The heading of a model card."""

from gps_seg.runs.sharing.config_facts import dataset_name, model_name
from gps_seg.runs.sharing.facts import AuthorNotes, DeltaFacts
from gps_seg.text.short import short_method_text


def title_of(facts: DeltaFacts, notes: AuthorNotes) -> str:
    """The author's title, or one made of method, data set and model."""
    if notes.title:
        return notes.title
    method = short_method_text(facts.info['method']) or 'A delta'
    data = dataset_name(facts.config)
    target = f' for {data}' if data else ''
    return f'{method}{target} on {model_name(facts.config)}'
