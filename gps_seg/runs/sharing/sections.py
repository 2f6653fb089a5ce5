# Copyright (c) gps_seg contributors. Apache-2.0.
"""The sections of a model card; one without content is an empty text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

from gps_seg.engine.config.inference import WEIGHTS
from gps_seg.models.catalogue import DOWNLOADS
from gps_seg.models.weights import SCHEME
from gps_seg.runs.sharing.facts import (
    CONFIG_FILE,
    DELTA_FILE,
    PREVIEW_FILE,
    Known,
    Told,
)
from gps_seg.runs.sharing.tasks import task_of
from gps_seg.text.markdown import code, link, paragraphs, table

SNIPPET = f"""\
{{predictor}}
from gps_seg.delta import Delta, apply, revert
from gps_seg.engine.config.text import config_from_file
from gps_seg.engine.testing.task_model import build_base

folder = 'PATH OF THIS FOLDER'
model = build_base(config_from_file(f'{{{{folder}}}}/{CONFIG_FILE}'))
apply(model, Delta.load(f'{{{{folder}}}}/{DELTA_FILE}'))  # on its base alone
{{prediction}}
revert(model)  # the base again, bit for bit
"""
MOST_CLASSES = 20
_LOADERS = {
    'training': 'train_dataloader',
    'validation': 'val_dataloader',
    'test': 'test_dataloader',
}
_PARTS = {
    'selected': 'single entries of weights',
    'whole': 'tensors replaced whole',
    'new': 'tensors new in the task, such as a head',
}


def what(known: Known, told: Told) -> str:
    """Heading, what the delta is, and the picture."""
    classes = _classes(known.info['classes'])
    method = _method(known.info['method'])
    share = known.num_changed / known.full.entries
    task = task_of(known.config)
    sentences = (
        f'{task.name} as a small file: what fine-tuning changed in '
        f'{link(told.base)}.',
        f'It {task.effect} {classes}.' if classes else '',
        f'It was tuned by {method}.' if method else '',
        f'It changes {known.num_changed:,} of {known.full.entries:,} values '
        f'({share:.2%}); all others, and the architecture, are those of the '
        'base.',
    )
    return paragraphs(
        f'# {told.title}',
        ' '.join(filter(None, sentences)),
        f'![Preview]({PREVIEW_FILE})' if known.has_preview else '',
    )


def base(known: Known, told: Told) -> str:
    """What the delta goes on, and where the config gets it."""
    sources = [_source(c) for c in _checkpoints(known.config)]
    return paragraphs(
        '## Base',
        f'{link(told.base)}. The delta goes on this base alone: it has a '
        'fingerprint of the values that it replaces, and refuses others.',
        f'{code(CONFIG_FILE)} loads it from {" and ".join(sources)}.'
        if sources
        else '',
    )


def data(known: Known, told: Told) -> str:
    """What the config trained and validated on, and what the author says."""
    sets = {n: _dataset(known.config.get(k)) for n, k in _LOADERS.items()}
    if sets['test'] == sets['validation']:
        del sets['test']  # as in many configs: said once
    rows = [f'- {name}: {found}' for name, found in sets.items() if found]
    rows += [f'- {link(name, "datasets/")}' for name in told.datasets]
    return paragraphs('## Data', '\n'.join(rows)) if rows else ''


def metric(known: Known) -> str:
    """The metric in the delta."""
    values = known.info['metric'].items()
    rows = [(code(name), f'{value:.6g}') for name, value in values]
    if not rows:
        return ''
    return paragraphs(
        '## Metric', table([('at the time of saving', ''), *rows])
    )


def size(known: Known) -> str:
    """How much the delta has, by kind, beside the full model."""
    kinds = [
        (words, known.parts[kind]['tensors'], known.parts[kind]['entries'], '')
        for kind, words in _PARTS.items()
        if known.parts[kind]['tensors']
    ]
    tensors = sum(part['tensors'] for part in known.parts.values())
    num_bytes = known.description['bytes']['file']
    rows = [
        ('', 'tensors', 'values', 'bytes'),
        *kinds,
        ('**the delta**', tensors, known.num_changed, num_bytes),
        ('the full model', *known.full),
    ]
    return paragraphs('## Size', table(rows))


def use(known: Known) -> str:
    """How to use it in Python."""
    version = known.info['versions'].get('gps_seg')
    installed = f'gps_seg {code(version)}' if version else 'gps_seg'
    task = task_of(known.config)
    snippet = SNIPPET.format(
        predictor=task.predictor, prediction=task.prediction
    )
    return paragraphs(
        '## Use',
        f'With {installed} installed, and not from inside this folder, as '
        'Python imports what lies where it is started:',
        f'```python\n{snippet}```',
        f'This reads {code(CONFIG_FILE)} as data. The tools of MMEngine run '
        'a config as Python: look at it before you give it to them.',
    )


def verify(known: Known) -> str:
    """How to see that it is the file that was given away."""
    return paragraphs(
        '## Verify',
        f'{code(f"sha256sum {DELTA_FILE}")} gives',
        f'```\n{known.sha256}\n```',
        f'{code("Delta.load")} refuses a file that was damaged, '
        f'{code("apply")} a base that is not the right one.',
    )


def intended_use(known: Known, told: Told) -> str:
    """What the author says, and what can be said of any delta."""
    exactness = (
        'Base and delta together are the tuned model, bit for bit.'
        if known.description['lossless']
        else 'Values were rounded to make the file smaller: base and delta '
        'together are close to the tuned model, but not equal to it.'
    )
    scored = (
        'The metric was taken when the delta was saved; it says nothing '
        'about other data.'
        if known.info['metric']
        else 'The delta has no metric.'
    )
    return paragraphs(
        '## Intended use and limits',
        told.intended_use,
        told.limits,
        f'{exactness} {scored}',
    )


def versions(known: Known) -> str:
    """Libraries that made the delta."""
    rows = [
        f'- {code(name)} {code(version)}'
        for name, version in known.info['versions'].items()
    ]
    return paragraphs('## Made with', '\n'.join(rows)) if rows else ''


def _classes(names: Sequence[str]) -> str:
    """All of a few, the first of many."""
    few = ', '.join(map(code, names[:MOST_CLASSES]))
    if len(names) <= MOST_CLASSES:
        return few
    return f'{len(names)} classes: {few}, ...'


def _method(method: Mapping[str, Any]) -> str:
    settings = [f'{n} = {v}' for n, v in method.items() if n != 'type']
    kind = [method['type']] if 'type' in method else []
    return ', '.join(map(code, [*kind, *settings]))


def _checkpoints(config: Config) -> list[str]:
    """Where the config takes pretrained weights from, each once."""
    kept = config.to_dict()
    found = _weights_in(
        {'model': kept['model'], 'load_from': kept.get('load_from')}
    )
    return list(dict.fromkeys(found))


def _weights_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name in WEIGHTS and isinstance(item, str):
                yield item
            else:
                yield from _weights_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _weights_in(item)


def _source(checkpoint: str) -> str:
    if not checkpoint.startswith(SCHEME):
        return code(checkpoint)
    name = checkpoint.removeprefix(SCHEME)
    place = f'{code(checkpoint)}, a file {code(f"weights/{name}.safetensors")}'
    if name not in DOWNLOADS:
        return place
    # Which file was there at the time of training, nobody knows.
    return f'{place} (if absent, the published weights of that name)'


def _dataset(loader: Mapping[str, Any] | None) -> str:
    dataset = (loader or {}).get('dataset') or {}
    keys = ('type', 'data_root', 'task', 'split', 'ann_file')
    return ', '.join(code(dataset[key]) for key in keys if dataset.get(key))
