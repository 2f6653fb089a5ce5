# Copyright (c) gps_seg contributors. Apache-2.0.
"""The documentation as a site: complete, without warnings, self-contained."""

import re
import subprocess
import sys

import pytest
from public_names import packages_that_export

ROW = re.compile(r'^\| \[.+?\]\((.+?)\)', re.MULTILINE)
# A package that only points on to others is read without its members.
MODULE = re.compile(
    r'(?:auto|current)module:: ([\w.]+)$(?!\n +:no-members:)', re.MULTILINE
)
OBJECT = re.compile(r'auto(?:class|function):: ([\w.]+)')
# What a browser requests by itself when it opens a page.
REQUESTED = re.compile(
    r'<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)="([^"]+)"'
)
ADDRESS = re.compile(r'(?:\w+:)?//')
FOLDERS = ('.', 'docs', 'docs/api', 'configs', 'data', 'weights')


def pages_of(repo_dir):
    """The Markdown files that are pages, as the site names them."""
    return {
        page.relative_to(repo_dir).with_suffix('').as_posix()
        for folder in FOLDERS
        for page in (repo_dir / folder).glob('*.md')
    }


def homes(repo_dir):
    """Every exported name with the packages that export it."""
    exporting = {}
    for package, names in packages_that_export(repo_dir).items():
        for name in names:
            exporting.setdefault(name, []).append(package)
    return exporting


def referenced(repo_dir):
    """Packages with a place in the API reference, and names with one."""
    text = '\n'.join(
        page.read_text(encoding='utf-8')
        for page in (repo_dir / 'docs/api').glob('*.md')
    )
    return set(MODULE.findall(text)), set(OBJECT.findall(text))


def test_every_export_has_a_place_in_the_reference(repo_dir):
    """A new package needs an automodule on a page of docs/api."""
    modules, objects = referenced(repo_dir)
    missing = {
        name: packages
        for name, packages in homes(repo_dir).items()
        if not modules & set(packages)
        and not objects & {f'{package}.{name}' for package in packages}
    }
    assert missing == {}


def test_every_page_is_in_one_index(repo_dir):
    """The sidebar of the site comes from the tables of the indexes."""
    listed = []
    for index in ('docs/README.md', 'docs/api/README.md'):
        text = (repo_dir / index).read_text(encoding='utf-8')
        for link in ROW.findall(text):
            page = (repo_dir / index).parent / link
            listed.append(page.resolve().relative_to(repo_dir).as_posix())
    expected = {f'{page}.md' for page in pages_of(repo_dir)}
    assert sorted(listed) == sorted(expected - {'docs/README.md'})


@pytest.fixture(scope='module')
def site(repo_dir, tmp_path_factory):
    """The built site; a warning is an error."""
    for library in ('sphinx', 'furo', 'myst_parser', 'sphinx_copybutton'):
        pytest.importorskip(
            library, reason='needs the extra docs: pip install .[docs]'
        )
    out = tmp_path_factory.mktemp('site')
    options = ['--fail-on-warning', '--keep-going', '--quiet']
    folders = ['--conf-dir', 'docs', '.', str(out)]
    built = subprocess.run(
        [sys.executable, '-m', 'sphinx', *options, *folders],
        check=False,
        cwd=repo_dir,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return out


@pytest.mark.optional
@pytest.mark.timeout(900)
def test_the_site_has_a_page_for_every_page(repo_dir, site):
    missing = [
        page
        for page in pages_of(repo_dir)
        if not (site / page).with_suffix('.html').is_file()
    ]
    assert missing == []
    assert 'url=docs/README.html' in (site / 'index.html').read_text()


@pytest.mark.optional
@pytest.mark.timeout(900)
def test_every_exported_name_can_be_found(repo_dir, site):
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads(
        (site / 'objects.inv').read_bytes(), uri=''
    )
    found = {name for _, names in inventory.data.items() for name in names}
    missing = [
        name
        for name, packages in homes(repo_dir).items()
        if not found & {f'{package}.{name}' for package in packages}
    ]
    assert missing == []


@pytest.mark.optional
@pytest.mark.timeout(900)
def test_no_page_requests_anything_from_another_host(site):
    pages = [*site.rglob('*.html')]
    assert [
        f'{page.name}: {address}'
        for page in pages
        for address in REQUESTED.findall(page.read_text(encoding='utf-8'))
        if ADDRESS.match(address)
    ] == []
    styles = [sheet.read_text('utf-8') for sheet in site.rglob('*.css')]
    imported = r'(?:@import|url\()\s*["\']?(?:https?:)?//'
    assert not [text for text in styles if re.search(imported, text)]
    assert len(pages) > len(styles) > 0
