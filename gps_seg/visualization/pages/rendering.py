# Copyright (c) gps_seg contributors. Apache-2.0.
"""HTML from the templates of this folder.

Jinja2 comes with PyTorch, and escapes every value: names of files, classes
and settings are data of strangers.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gps_seg import __version__
from gps_seg.text.printable import on_one_line, printable

_TEMPLATES = Path(__file__).with_name('templates')


def render(template: str, **values: Any) -> str:
    """Fill a template; a value that it lacks is an error.

    Args:
        template: Name of a file in the folder ``templates``.
        values: Values by the names that the template uses.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES, encoding='utf-8'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        'number': _number,
        'line': lambda value: on_one_line(str(value)),
        'lines': lambda value: printable(str(value)),
    }
    environment.globals['version'] = __version__
    return environment.get_template(template).render(**values)


def _number(value: float) -> str:
    """Whole numbers with separators of thousands, scores with two digits."""
    return f'{value:,}' if isinstance(value, int) else f'{value:.2f}'
