# Copyright (c) gps_seg contributors. Apache-2.0.
"""The sections of a model card; a section without content is empty."""

from collections.abc import Mapping, Sequence
from typing import Any

from gps_seg.delta.reports.description import PART_NAMES
from gps_seg.files.run_files import DELTA_FILE
from gps_seg.files.shared_files import CONFIG_FILE
from gps_seg.runs.sharing.config_facts import (
    checkpoints,
    describe_checkpoint,
    describe_datasets,
)
from gps_seg.runs.sharing.facts import AuthorNotes, DeltaFacts
from gps_seg.runs.sharing.installing import install_command
from gps_seg.runs.sharing.tasks import task_of
from gps_seg.runs.sharing.title import title_of
from gps_seg.text.markdown import code, link, paragraphs, table
from gps_seg.text.scores import by_class, overall, score_text

SNIPPET = """\
{predictor}
from gps_seg import revert
from gps_seg.engine import build_tuned

model = build_tuned(None, 'PATH OF THIS FOLDER')  # or 'hf://OWNER/NAME'
{prediction}
revert(model)  # the base again, bit for bit
"""
MOST_CLASSES = 20


def what(facts: DeltaFacts, notes: AuthorNotes) -> str:
    """Heading, summary and pictures."""
    classes = _classes(facts.info['classes'])
    method = _method(facts.info['method'])
    share = facts.num_changed / facts.full.entries
    task = task_of(facts.config)
    sentences = (
        f'{task.name} as a small file: the changes that fine-tuning made to '
        f'{link(notes.base)}.',
        f'It {task.effect} {classes}.' if classes else '',
        f'It was tuned with {method}.' if method else '',
        f'It changes {facts.num_changed:,} of {facts.full.entries:,} values '
        f'({share:.2%}){_added(facts)} are those of the base.',
    )
    return paragraphs(
        f'# {" ".join(title_of(facts, notes).split())}',
        ' '.join(filter(None, sentences)),
        *(f'![{text}]({name})' for name, text in facts.pictures.items()),
    )


def base(facts: DeltaFacts, notes: AuthorNotes) -> str:
    """The base model, and where the config loads it from."""
    sources = [describe_checkpoint(c) for c in checkpoints(facts.config)]
    known = (facts.info.get('base') or {}).get('licence')
    return paragraphs(
        '## Base',
        f'{link(notes.base)}. The delta fits this base only: it has a '
        'fingerprint of the base and refuses any other.',
        f'{code(CONFIG_FILE)} loads it from {" and ".join(sources)}.'
        if sources
        else '',
        _license('base model', notes.base_license or known),
    )


def data(facts: DeltaFacts, notes: AuthorNotes) -> str:
    """Data sets of the config and of the author."""
    sets = describe_datasets(facts.config)
    rows = [f'- {name}: {found}' for name, found in sets.items()]
    rows += [f'- {link(name, "datasets/")}' for name in notes.datasets]
    found = paragraphs('\n'.join(rows), _license('data', notes.data_license))
    return paragraphs('## Data', found) if found else ''


def metrics(facts: DeltaFacts) -> str:
    """The metrics in the delta: of the task, and of each class if few."""
    metric = facts.info['metric']
    if not metric:
        return ''
    rows = [
        (code(name), score_text(value))
        for name, value in overall(metric).items()
    ]
    kinds, values = by_class(metric)
    head = ('class', *map(code, kinds))
    of_classes = [
        (code(name), *(score_text(scores.get(kind)) for kind in kinds))
        for name, scores in values.items()
    ]
    return paragraphs(
        '## Metrics',
        'On the validation data, when the delta was saved.',
        table([('metric', 'value'), *rows]) if rows else '',
        table([head, *of_classes])
        if 0 < len(of_classes) <= MOST_CLASSES
        else '',
    )


def size(facts: DeltaFacts) -> str:
    """Size of the delta, by kind, and of the full model."""
    rows = [
        (words, facts.parts[kind]['tensors'], facts.parts[kind]['entries'], '')
        for kind, words in PART_NAMES.items()
        if facts.parts[kind]['tensors']
    ]
    tensors = sum(part['tensors'] for part in facts.parts.values())
    num_bytes = facts.description['bytes']['file']
    rows = [
        ('', 'tensors', 'values', 'bytes'),
        *rows,
        ('**the delta**', tensors, facts.num_values, num_bytes),
        ('the full model', *facts.full),
    ]
    return paragraphs('## Size', table(rows))


def use(facts: DeltaFacts) -> str:
    """Installation, and use in Python."""
    version = facts.info['versions'].get('gps_seg')
    task = task_of(facts.config)
    snippet = SNIPPET.format(
        predictor=task.predictor, prediction=task.prediction
    )
    command = install_command()
    place = ' in its source tree' if '@' not in command else ''
    made = f'; the delta was made with {code(version)}' if version else ''
    return paragraphs(
        '## Use',
        f'Install gps_seg{place}{made}:',
        f'```\n{command}\n```',
        'Run this outside of the folder, because Python imports modules from '
        'the folder where it starts:',
        f'```python\n{snippet}```',
        f'This reads {code(CONFIG_FILE)} as data. The tools of MMEngine run '
        'a config as Python code, so read it before you use it with them.',
    )


def verify(facts: DeltaFacts) -> str:
    """How to check that the file is the published one."""
    return paragraphs(
        '## Verify',
        f'{code(f"sha256sum {DELTA_FILE}")} gives',
        f'```\n{facts.sha256}\n```',
        f'{code("Delta.load")} refuses a damaged file, and {code("apply")} '
        'refuses a wrong base.',
    )


def intended_use(facts: DeltaFacts, notes: AuthorNotes) -> str:
    """Notes of the author, and limits that every delta has."""
    exactness = (
        'Base and delta together are the tuned model, bit for bit.'
        if facts.description['lossless']
        else 'Values were rounded to make the file smaller: base and delta '
        'together are close to the tuned model, but not equal to it.'
    )
    scored = (
        'The metrics describe the validation data at the time of saving; '
        'they say nothing about other data.'
        if facts.info['metric']
        else 'The delta has no metrics.'
    )
    return paragraphs(
        '## Intended use and limits',
        notes.intended_use,
        notes.limits,
        f'{exactness} {scored}',
    )


def versions(facts: DeltaFacts) -> str:
    """Libraries that made the delta."""
    rows = [
        f'- {code(name)} {code(version)}'
        for name, version in facts.info['versions'].items()
    ]
    return paragraphs('## Made with', '\n'.join(rows)) if rows else ''


def _license(what: str, name: str | None) -> str:
    return f'License of the {what}: {name}.' if name else ''


def _added(facts: DeltaFacts) -> str:
    rows = facts.description['added']
    if not rows:
        return '; all other values, and the architecture,'
    number = sum(row['number'] for row in rows)
    kinds = ', '.join(map(code, sorted({row['kind'] for row in rows})))
    return (
        f' and adds {facts.num_added:,} values in {number} modules ({kinds}), '
        'which are attached when it is applied; all other values'
    )


def _classes(names: Sequence[str]) -> str:
    """The names of the classes, cut if there are many."""
    few = ', '.join(map(code, names[:MOST_CLASSES]))
    if len(names) <= MOST_CLASSES:
        return few
    return f'{len(names)} classes: {few}, ...'


def _method(method: Mapping[str, Any]) -> str:
    settings = [f'{n} = {v}' for n, v in method.items() if n != 'type']
    kind = [method['type']] if 'type' in method else []
    return ', '.join(map(code, [*kind, *settings]))
