"""Which scores go where, and the command that installs the package."""

from email.message import Message
from importlib import metadata

import pytest

from gps_seg.runs.sharing import installing
from gps_seg.runs.sharing.scores import by_class, overall

METRIC = {'mDice': 1.0, 'Dice.polyp': 2.0, 'IoU.polyp': 3.0, 'Dice.x.y': 4.0}


def test_every_score_is_of_the_task_or_of_a_class():
    classes = ['polyp', 'x.y']
    assert overall(METRIC, classes) == {'mDice': 1.0}
    kinds, values = by_class(METRIC, classes)
    assert kinds == ['Dice', 'IoU']
    assert values == {
        'polyp': {'Dice': 2.0, 'IoU': 3.0},
        'x.y': {'Dice': 4.0},
    }


def test_without_class_names_all_scores_are_of_the_task():
    assert overall(METRIC, []) == METRIC
    assert by_class(METRIC, []) == ([], {})


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
