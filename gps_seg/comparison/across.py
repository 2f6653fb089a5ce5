# Copyright (c) gps_seg contributors. Apache-2.0.
"""One variant in several comparisons, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gps_seg.comparison.records import VALIDATION
from gps_seg.comparison.summary import SCHEMA

#: Name of the main metric of each comparison, be it Dice or accuracy.
SCORE = 'score'


def across(
    studies: Mapping[str, Mapping[str, Any]], variant: str
) -> dict[str, Any]:
    """What one variant is worth in several comparisons.

    The result is a summary, and has tables and pictures as any other: its rows
    are the comparisons in place of variants. It has the differences of the
    main metric on the validation images alone.

    Args:
        studies: Summaries of comparisons, by a name for each.
        variant: Variant that is compared with the references of each.

    Raises:
        ValueError: If a comparison has no difference of this variant.

    Example:
        >>> row = {
        ...     'variant': 'gps', 'reference': 'bias', 'set': 'validation',
        ...     'metric': 'Dice', 'mean': 1.0, 'low': 0.5, 'high': 1.5,
        ... }
        >>> small = {'metric': 'Dice', 'seeds': [0], 'differences': [row]}
        >>> found = across({'98 px': small}, 'gps')
        >>> [(r['variant'], r['reference']) for r in found['differences']]
        [('98 px', 'bias')]
    """
    rows = [
        {**row, 'variant': name, 'metric': SCORE}
        for name, summary in studies.items()
        for row in _rows(name, summary, variant)
    ]
    return {
        'schema': SCHEMA,
        'metric': SCORE,
        'metrics': [SCORE],
        'pooled': [],
        'seeds': sorted(
            {s for each in studies.values() for s in each['seeds']}
        ),
        'references': list(dict.fromkeys(row['reference'] for row in rows)),
        'sets': {},
        'variants': [],
        'differences': rows,
        'rates': {},
        'agreement': None,
        'ensembles': None,
    }


def _rows(
    name: str, summary: Mapping[str, Any], variant: str
) -> list[Mapping[str, Any]]:
    differences = summary['differences']
    rows = [
        row
        for row in differences
        if (row['variant'], row['set'], row['metric'])
        == (variant, VALIDATION, summary['metric'])
    ]
    if not rows:
        known = list(dict.fromkeys(row['variant'] for row in differences))
        raise ValueError(
            f'variant: expected one of {known}, which {name} compares, got '
            f'{variant!r}.'
        )
    return rows
