"""The links, file names and commands of the documentation are right."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from run_tool import run_tool
from torch import nn

from gps_seg import command_line
from gps_seg.execution.instance_forward import has_own_forward
from gps_seg.peft import Trainable

REPO = Path(__file__).resolve().parents[1]
FOLDERS = ('configs', 'data', 'weights')
PAGES = [
    *REPO.glob('*.md'),
    *(REPO / 'docs').glob('*.md'),
    *(REPO / folder / 'README.md' for folder in FOLDERS),
]
# The changelog names files that are gone.
PRESENT = [page for page in PAGES if page.name != 'CHANGELOG.md']
FENCED = re.compile(r'^( *)```(\w*)\n(.*?)^\1```', re.MULTILINE | re.DOTALL)
LINK = re.compile(r'\]\(([^)\s]+)\)')


def name_of(page):
    return str(page.relative_to(REPO))


def prose(page):
    """The text of a page without its blocks of code."""
    return FENCED.sub('', page.read_text(encoding='utf-8'))


def anchors(page):
    """The anchors that GitHub makes of the headings of a page."""
    found = []
    for heading in re.findall(r'^#+ (.*)$', prose(page), re.MULTILINE):
        text = re.sub(r'[^\w\- ]', '', heading.strip().lower())
        slug = text.replace(' ', '-')
        repeated = found.count(slug)
        found.append(f'{slug}-{repeated}' if repeated else slug)
    return found


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_every_link_within_the_repository_leads_somewhere(page):
    dead = []
    for link in LINK.findall(prose(page)):
        if re.match(r'\w+:', link):
            continue
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


def test_every_picture_is_shown_on_a_page():
    shown = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in LINK.findall(prose(page))
        if link.endswith('.png')
    }
    assert shown == set((REPO / 'docs/images').iterdir())


@pytest.mark.parametrize('page', PRESENT, ids=name_of)
def test_every_file_that_a_page_names_is_there(page):
    text = page.read_text(encoding='utf-8')
    folders = r'\b(?<![\w./])(?:tools|configs|tests|gps_seg)'
    named = re.findall(rf'{folders}/[\w/.-]+\.(?:py|sh)\b', text)
    assert not [name for name in named if not (REPO / name).is_file()]


def commands(page):
    """The calls of tools on a page, in blocks and within the text."""
    text = page.read_text(encoding='utf-8').replace('\\\n', ' ')
    lines = re.findall(r'^ *(python tools/.*)$', text, re.MULTILINE)
    quoted = re.findall(r'`(python tools/[^`]*)`', text)
    for line in lines + quoted:
        _, tool, *arguments = shlex.split(line, comments=True)
        if arguments and arguments[0] != 'COMMAND':  # or it is only named
            yield tool.removeprefix('tools/'), *arguments


CALLS = sorted({call for page in PAGES for call in commands(page)})


@pytest.mark.parametrize('call', CALLS, ids=' '.join)
def test_every_command_is_one_that_its_tool_takes(call, monkeypatch, capsys):
    monkeypatch.setattr(command_line, 'run_tool', parse)
    name, *arguments = (argument.replace('$seed', '0') for argument in call)
    try:
        run_tool(name, *arguments)
    except SystemExit:
        pytest.fail(capsys.readouterr().err)


def parse(parser, *_):
    parser.parse_args()


def test_what_speed_shows_in_plain_torch_runs_and_is_undone():
    page = (REPO / 'docs/speed.md').read_text(encoding='utf-8')
    snippets = [code for _, kind, code in FENCED.findall(page) if kind]
    mlp = {'fc1': nn.Linear(8, 32), 'act': nn.GELU(), 'fc2': nn.Linear(32, 8)}
    block = {'attn': nn.MultiheadAttention(8, 2), 'mlp': nn.ModuleDict(mlp)}
    encoder = nn.ModuleList([nn.ModuleDict(block)])
    model = nn.ModuleDict({'backbone': encoder, 'head': nn.Linear(8, 2)})
    assert len(snippets) == 3
    for snippet in snippets:
        *lines, undo = snippet.splitlines()
        names = {'model': model}
        exec('\n'.join(lines), names)
        assert any(map(has_own_forward, model.modules()))
        exec(undo, names)
        assert not any(map(has_own_forward, model.modules()))


def test_what_is_saved_in_plain_torch_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    section = (REPO / 'docs/selection.md').read_text(encoding='utf-8')
    section = section.split('## In plain torch')[1].split('\n## ')[0]
    prepare, kept = (block[2] for block in FENCED.findall(section))
    save, resume = kept.split('\n\n')
    ten_lines = FENCED.findall((REPO / 'README.md').read_text('utf-8'))
    ten_lines = next(block[2] for block in ten_lines if ' tune(' in block[2])
    names = {'Trainable': Trainable}
    exec(ten_lines, names)
    exec(prepare, names)
    names['loss']().backward()
    names['optimizer'].step()
    trained = [value.clone() for value in names['tuned'].parameters()]
    exec(save, names)
    exec(ten_lines, names)  # another model
    exec(resume, names)
    resumed = list(names['tuned'].parameters())
    assert len(trained) == len(resumed) == 4
    assert all(map(torch.equal, trained, resumed))
