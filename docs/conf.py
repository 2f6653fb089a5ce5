"""The documentation as a site: ``make docs`` builds it into build/docs.

The pages stay where they are read on GitHub, in docs/ and beside what they
describe, so the root of the repository is the source folder. The sidebar
comes from the index, docs/README.md.

Sphinx with MyST is what OpenMMLab's own documentation uses; it reads Markdown
and docstrings alike, and its pages need no network, neither to build nor to
read.
"""

import re
from pathlib import Path

from gps_seg import __version__, stack

ROOT = Path(__file__).resolve().parents[1]
# MMPretrain imports torchvision.
stack.let_torchvision_import_beside_cpu_torch()

project = 'gps_seg'
author = 'gps_seg contributors'
project_copyright = author
version = release = __version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx_copybutton',
]
root_doc = 'docs/README'
INDEX_PAGES = (root_doc, 'docs/api/README')
PAGES_BESIDE_CODE = ('configs', 'data', 'weights')
include_patterns = [
    '*.md',
    'docs/**.md',
    *(f'{folder}/README.md' for folder in PAGES_BESIDE_CODE),
]
# The folders that Sphinx need not walk through: data may have many files.
exclude_patterns = [
    *(
        entry.name
        for entry in ROOT.iterdir()
        if entry.is_dir() and entry.name not in ('docs', *PAGES_BESIDE_CODE)
    ),
    *(f'{folder}/*/**' for folder in PAGES_BESIDE_CODE),
]

# Anchors are those of GitHub, down to the deepest heading of a page.
myst_heading_anchors = 4

autodoc_default_options = {'members': True}
autodoc_member_order = 'bysource'
autodoc_typehints_format = 'short'
python_maximum_signature_line_length = 79
toc_object_entries_show_parents = 'hide'
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Most blocks without a language are commands.
highlight_language = 'none'

html_theme = 'furo'
html_title = 'gps_seg'
html_show_sourcelink = False
html_copy_source = False
html_additional_pages = {'index': 'to_the_index.html'}
templates_path = ['site']
html_static_path = ['site/static']
html_css_files = ['site.css']
copybutton_exclude = '.linenos, .gp, .go'


def tables_of_contents(index):
    """Return the tables of an index page as hidden tables of contents."""
    blocks = []
    for section in re.split(r'^#+ ', index, flags=re.MULTILINE):
        caption = section.partition('\n')[0]
        pages = re.findall(r'^\| \[(.+?)\]\((.+?)\)', section, re.MULTILINE)
        if pages:
            entries = (f'{title} <{path}>' for title, path in pages)
            options = (':hidden:', f':caption: {caption}', '')
            blocks.append(
                '\n'.join(['```{toctree}', *options, *entries, '```'])
            )
    return '\n\n'.join(blocks)


def add_contents(_app, docname, source):
    """Let an index page say what the sidebar shows."""
    if docname in INDEX_PAGES:
        source[0] += '\n\n' + tables_of_contents(source[0])


def setup(app):
    """Connect the above to Sphinx."""
    app.connect('source-read', add_contents)
