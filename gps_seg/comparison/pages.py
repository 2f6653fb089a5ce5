# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tables of a page, made from the summaries that a comparison wrote.

A page in Markdown marks where a table belongs::

    <!-- table main of results/kvasir.json -->
    <!-- end of table -->

``python -m gps_seg.comparison.pages docs/results.md`` writes the tables
between the marks. ``differences to VARIANT`` has all data sets,
``differences to VARIANT on SET`` one of them. So no number is copied by hand,
and a test checks that page and file agree.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from gps_seg.comparison.agreement_text import agreement_tables
from gps_seg.comparison.ensembles_text import ensembles_table
from gps_seg.comparison.summary import read_summary
from gps_seg.comparison.tables import (
    Summary,
    difference_table,
    main_table,
    rates_table,
    unseen_table,
)
from gps_seg.files import write_text

_MARKED = re.compile(
    r'(?P<begin><!-- table (?P<kind>\w+)(?: to (?P<reference>.+?))?'
    r'(?: on (?P<set>\S+))? of '
    r'(?P<file>\S+) -->\n)(?P<table>.*?)(?P<end><!-- end of table -->)',
    re.DOTALL,
)
_TABLES: Mapping[str, Callable[[Summary], str]] = {
    'main': main_table,
    'unseen': unseen_table,
    'rates': rates_table,
    'ensembles': ensembles_table,
    'agreement': agreement_tables,
}
_DIFFERENCES = 'differences'


def filled(page: str, folder: Path) -> str:
    """Write each marked table of a page anew.

    Args:
        page: Text in Markdown.
        folder: Folder from which the marks name their files.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a mark names an unknown table, or a summary has nothing
            for it.
    """
    return _MARKED.sub(lambda found: _filled(found, folder), page)


def files_of(page: str) -> list[str]:
    r"""The files from which the tables of a page are made.

    Example:
        >>> files_of('<!-- table main of a.json -->\n<!-- end of table -->')
        ['a.json']
    """
    return [found['file'] for found in _MARKED.finditer(page)]


def _filled(found: re.Match[str], folder: Path) -> str:
    table = _table(found, read_summary(folder / found['file']))
    if not table:
        raise ValueError(
            f'table: expected a summary with {found["kind"]}, got one without '
            f'({found["file"]}). Remove the mark, or compare with it.'
        )
    return f'{found["begin"]}\n{table}\n\n{found["end"]}'


def _table(found: re.Match[str], summary: Summary) -> str:
    kind, reference = found['kind'], found['reference']
    if kind == _DIFFERENCES and reference:
        return difference_table(summary, reference, found['set'])
    if kind in _TABLES and not reference and not found['set']:
        return _TABLES[kind](summary)
    raise ValueError(
        f"table: expected one of {list(_TABLES)}, or 'differences to "
        f"VARIANT on SET', got {found['begin'].strip()}."
    )


def main() -> None:
    """Fill the pages that the command line names."""
    for name in sys.argv[1:]:
        path = Path(name)
        page = path.read_text(encoding='utf-8')
        write_text(filled(page, path.parent), path)


if __name__ == '__main__':
    main()
