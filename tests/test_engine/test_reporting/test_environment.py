"""What a run ran on."""

import json
import subprocess
from importlib import metadata

import pytest
import torch

from gps_seg.engine.reporting.environment import (
    describe_environment,
    git_commit,
    installed_versions,
)


def git(folder, *arguments):
    done = subprocess.run(
        ['git', '-c', 'user.name=a', '-c', 'user.email=a@b', *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    package = tmp_path / 'package'
    package.mkdir()
    (package / '__init__.py').write_text('')
    git(tmp_path, 'init', '-q')
    git(tmp_path, 'add', '.')
    git(tmp_path, 'commit', '-q', '-m', 'one')
    return package


def test_description_is_json_and_names_the_versions():
    environment = json.loads(json.dumps(describe_environment()))

    assert environment['packages']['torch'] == metadata.version('torch')
    assert environment['command'].split()
    assert environment['num_threads'] == torch.get_num_threads()


def test_packages_that_are_not_installed_are_left_out():
    assert all(installed_versions().values())


def test_commit_of_a_checkout(checkout):
    assert git_commit(checkout) == git(checkout, 'rev-parse', 'HEAD')


def test_changed_checkout_is_dirty(checkout):
    (checkout / '__init__.py').write_text('changed')

    assert git_commit(checkout).endswith('-dirty')


def test_installed_copy_inside_a_checkout_has_no_commit(checkout):
    installed = checkout.parent / '.venv' / 'package'
    installed.mkdir(parents=True)
    (installed / '__init__.py').write_text('')

    assert git_commit(installed) is None


def test_no_git_no_commit(checkout, monkeypatch):
    monkeypatch.setenv('PATH', '')

    assert git_commit(checkout) is None
