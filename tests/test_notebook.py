# Copyright (c) gps_seg contributors. Apache-2.0.
"""The notebook of the documentation: its ten cells do what they say."""

import re

import pytest
import torch

from gps_seg.stack import require_openmmlab

require_openmmlab()

CELL = re.compile(r'^```python\n(.*?)^```', re.MULTILINE | re.DOTALL)
EPOCHS = 'repeat(loader, 5)'
SIZES = "{'train': 96, 'val': 32}"


def cells_of(repo_dir):
    page = (repo_dir / 'docs/first_steps.md').read_text(encoding='utf-8')
    return CELL.findall(page)


def run(cells):
    """Run cells one after another, as a kernel does."""
    names = {}
    for number, cell in enumerate(cells, 1):
        exec(compile(cell, f'cell {number}', 'exec'), names)
    return names


@pytest.fixture
def at_home(repo_dir, tmp_path, monkeypatch):
    """A working directory with the configs and data of the repository."""
    for name in ('configs', 'data'):
        (tmp_path / name).symlink_to(repo_dir / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_notebook_has_ten_cells_each_below_a_text(repo_dir):
    page = (repo_dir / 'docs/first_steps.md').read_text(encoding='utf-8')
    sections = page.split('\n## ')[1:]
    assert len(sections) == len(cells_of(repo_dir)) == 10
    for number, section in enumerate(sections, 1):
        heading, text = CELL.sub('', section).strip().split('\n\n', 1)
        assert heading.startswith(f'{number}. ')
        assert text
        assert len(CELL.findall(section)) == 1


@pytest.mark.filterwarnings('ignore::UserWarning')
def test_fewer_steps_of_the_notebook_end_with_the_base_and_a_shared_task(
    repo_dir, at_home, coarse_pictures
):
    code = '\n'.join(cells_of(repo_dir))
    assert code.count(EPOCHS) == code.count(SIZES) == 1
    shorter = [
        cell.replace(EPOCHS, 'repeat(loader, 1)').replace(
            SIZES, "{'train': 16, 'val': 6}"
        )
        for cell in cells_of(repo_dir)
    ]
    names = run(shorter)
    assert at_the_base(names)
    assert names['delta_a'].changes.keys() == names['delta_b'].changes.keys()
    folder = at_home / 'work_dirs/first_steps'
    assert (folder / 'overlays.png').is_file()
    card = (folder / 'shared/README.md').read_text(encoding='utf-8')
    assert 'the demo of gps_seg' in card
    assert str(at_home) not in card


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings('ignore::UserWarning')
def test_in_the_whole_notebook_each_task_is_best_at_its_hospital(
    repo_dir, at_home
):
    names = run(cells_of(repo_dir))
    assert at_the_base(names)
    scores = {}
    for task in ('delta_a', 'delta_b'):
        names['switch'](names['model'], names[task])
        scores[task] = [names['dice'](names[f'val_{at}']) for at in 'ab']
    (a_at_a, a_at_b), (b_at_a, b_at_b) = scores.values()
    assert a_at_a > b_at_a + 20
    assert b_at_b > a_at_b + 10


def at_the_base(names):
    state = names['model'].state_dict()
    return all(
        torch.equal(value, state[name])
        for name, value in names['base'].items()
    )


@pytest.mark.optional
def test_jupytext_reads_the_page_as_a_notebook(repo_dir):
    jupytext = pytest.importorskip(
        'jupytext', reason='needs the extra docs: pip install .[docs]'
    )
    notebook = jupytext.read(repo_dir / 'docs/first_steps.md')
    code = [c.source for c in notebook.cells if c.cell_type == 'code']
    assert code == [cell.strip() for cell in cells_of(repo_dir)]
