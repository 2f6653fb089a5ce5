# Copyright (c) gps_seg contributors. Apache-2.0.
"""The command by which users of a delta install this package."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata

_PACKAGE = 'gps-seg'
_STACK = f'{_PACKAGE}[onedl]'
_LABELS = ('source', 'repository', 'homepage')


def install_command() -> str:
    """The pip command, with the public address that the package declares.

    Without such an address it is the command that works in the source tree.
    The origin of this copy is not revealed, because it may be private.
    """
    try:
        urls = metadata(_PACKAGE).get_all('Project-URL') or []
    except PackageNotFoundError:
        urls = []
    address = declared_source(urls)
    if address:
        return f'pip install "{_STACK} @ git+{address}"'
    return "pip install '.[onedl]'"


def declared_source(project_urls: Iterable[str]) -> str | None:
    """Find the address of the source code in a package's metadata.

    Args:
        project_urls: Entries ``Label, address`` of the package's metadata.

    Example:
        >>> declared_source(['Docs, https://a.org', 'Source, https://b.org/c'])
        'https://b.org/c'
    """
    pairs = (entry.partition(',')[::2] for entry in project_urls)
    addresses = {label.strip().lower(): url.strip() for label, url in pairs}
    return next((addresses[n] for n in _LABELS if n in addresses), None)
