"""The command that installs the package."""

from email.message import Message
from importlib import metadata

import pytest

from gps_seg.runs.sharing import installing


@pytest.fixture
def declared(monkeypatch):
    """Function: let the package declare these addresses."""

    def declare(urls):
        message = Message()
        for url in urls:
            message['Project-URL'] = url
        monkeypatch.setattr(installing, 'metadata', lambda _: message)

    return declare


def test_a_declared_address_is_where_to_install_from(declared):
    declared(['Docs, https://a.org', 'Source, https://example.org/gps.git'])
    assert installing.install_command() == (
        'pip install "gps-seg[onedl] @ git+https://example.org/gps.git"'
    )


def test_without_one_it_is_the_source_tree(declared, monkeypatch):
    declared([])
    assert installing.install_command() == "pip install '.[onedl]'"

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(installing, 'metadata', absent)
    assert installing.install_command() == "pip install '.[onedl]'"
