"""The page of several runs."""

import json
from urllib.parse import unquote

import pytest
from html_pages import Page
from run_tool import error_of_tool, run_tool

pytestmark = pytest.mark.usefixtures('coarse_pictures')


@pytest.fixture
def two(work_dir, tmp_path):
    """Two runs, the second without a method, a delta and scores."""
    plain = tmp_path / 'plain #1 %41'
    plain.mkdir()
    (plain / 'environment.json').write_text(json.dumps({'seed': 0}))
    return work_dir, plain


def test_each_run_has_a_row_and_a_page(two, tmp_path, capsys):
    out = tmp_path / 'pages/all.html'
    out.parent.mkdir()
    run_tool('report.py', *two, '--out', out)
    assert capsys.readouterr().out == f'{out}\n'
    page = Page(out.read_text(encoding='utf-8'))
    head, first, second = page.rows
    row = dict(zip(head, first, strict=True))
    assert row['run'] == two[0].name
    assert row['trained'] == '17,922'
    assert row['mDice'] == '71.25'
    assert row['time'] == '1:02:05'
    size = (two[0] / 'best_delta.safetensors').stat().st_size
    assert row['delta (kB)'] == f'{size / 1e3:,.0f}'
    assert second == [two[1].name, *['-'] * (len(head) - 1)]
    links = [unquote(link['href']) for link in page.all('a')]
    assert [(out.parent / link).resolve() for link in links] == [
        folder / 'report.html' for folder in two
    ]
    assert all((folder / 'report.html').is_file() for folder in two)


def test_a_plot_of_runs_that_have_all_scores(two, tmp_path):
    out = tmp_path / 'all.html'
    run_tool('report.py', two[0], '--out', out)
    (picture,) = Page(out.read_text(encoding='utf-8')).all('img')
    assert picture['src'].startswith('data:image/png;base64,')
    run_tool('report.py', *two, '--out', out)
    page = Page(out.read_text(encoding='utf-8'))
    assert page.all('img') == []
    assert 'No plot' in page.text('p')


def test_a_missing_run_is_named_in_one_line(two, tmp_path, capsys):
    nowhere, out = tmp_path / 'nowhere', tmp_path / 'all.html'
    error = error_of_tool(capsys, 'report.py', *two, nowhere, '--out', out)
    assert f'got nothing at {nowhere}' in error and error.count('\n') == 1
    assert not out.exists()
