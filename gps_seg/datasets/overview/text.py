# Copyright (c) gps_seg contributors. Apache-2.0.
"""The data sets of a config as tables of text."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from gps_seg.datasets.overview.files import FileFacts
from gps_seg.datasets.overview.splits import SplitOverview, with_training
from gps_seg.text.table import aligned

HEADINGS = ('', 'data set', 'split', 'images', 'classes', 'fewest', 'most')


def table(found: Sequence[SplitOverview], facts: Sequence[FileFacts]) -> str:
    """The data sets as text, one line each, and notes on them.

    Args:
        found: Data sets of a config.
        facts: Facts on the files of each.
    """
    rows = [
        _row(overview, own) for overview, own in zip(found, facts, strict=True)
    ]
    return '\n'.join(
        [
            aligned([HEADINGS, *rows]),
            *_notes(found),
            *(
                f'Note: {overview.loader}_dataloader: {note}'
                for overview, own in zip(found, facts, strict=True)
                for note in own.note_lines()
            ),
        ]
    )


def histograms(
    found: Sequence[SplitOverview], facts: Sequence[FileFacts]
) -> str:
    """The classes of pixels of each data set as text; equal sets only once.

    Args:
        found: Data sets of a config.
        facts: Facts on the files of each.
    """
    loaders = defaultdict(list)
    for overview, own in zip(found, facts, strict=True):
        loaders[id(own)].append(f'{overview.loader}_dataloader')
    distinct = {id(own): own.histogram() for own in facts}
    return '\n\n'.join(
        f'{", ".join(loaders[key])}\n{text}'
        for key, text in distinct.items()
        if text
    )


def _row(overview: SplitOverview, facts: FileFacts) -> tuple[str, ...]:
    """Cells under :data:`HEADINGS`."""
    samples = overview.samples
    labels = [int(s['gt_label']) for s in samples if 'gt_label' in s]
    counts = list(Counter(labels).values()) or facts.images_of_classes()
    in_classes = (
        (str(len(counts)), str(min(counts)), str(max(counts)))
        if counts
        else ('', '', '')
    )
    return (
        overview.loader,
        overview.kind,
        overview.split,
        f'{len(samples):,}',
        *in_classes,
    )


def _notes(found: Sequence[SplitOverview]) -> Iterator[str]:
    for train, other in with_training(found):
        if set(train.images) == set(other.images):
            yield (
                f'Note: {other.loader}_dataloader has exactly the images of '
                f'{train.loader}_dataloader. Its scores show how well the '
                'model fits these images, not how it does on new ones.'
            )
