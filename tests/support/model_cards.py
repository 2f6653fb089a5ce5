"""Pieces of a published folder, cut out by plain rules, and notes for one."""

import re

import yaml

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.runs.sharing import AuthorNotes  # noqa: E402

NOTES = AuthorNotes(title='Polyps', base='timm/vit_small')
ALL_NOTES = AuthorNotes(
    title='Polyps',
    base='timm/vit_small',
    license='apache-2.0',
    datasets=('kvasir/seg', 'our: own'),
    intended_use='For research.',
    limits='Not for patients.',
)


def page_of(folder):
    return (folder / 'README.md').read_text(encoding='utf-8')


def front_matter_of(page):
    _, text, _ = page.split('---\n', 2)
    return yaml.safe_load(text)


def section(page, name):
    return re.search(rf'^## {name}\n\n(.*?)(?=^## |\Z)', page, re.M | re.S)[1]
