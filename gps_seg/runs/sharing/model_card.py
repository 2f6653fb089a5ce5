# Copyright (c) gps_seg contributors. Apache-2.0.
"""The model card of a delta: its description and its use.

It contains the facts in the delta and the notes of its author. Unknown fields
are omitted.
"""

from gps_seg.runs.sharing import sections
from gps_seg.runs.sharing.facts import AuthorNotes, DeltaFacts
from gps_seg.runs.sharing.front_matter import front_matter
from gps_seg.text.markdown import paragraphs


def model_card(facts: DeltaFacts, notes: AuthorNotes) -> str:
    """The card in Markdown, with the front matter that the hub reads.

    Args:
        facts: Facts about the delta.
        notes: Notes of its author.

    Example::

        page = model_card(facts, AuthorNotes(base='owner/name'))
    """
    page = paragraphs(
        front_matter(facts, notes),
        sections.what(facts, notes),
        sections.base(facts, notes),
        sections.data(facts, notes),
        sections.metrics(facts),
        sections.size(facts),
        sections.use(facts),
        sections.verify(facts),
        sections.intended_use(facts, notes),
        sections.versions(facts),
    )
    return f'{page}\n'
