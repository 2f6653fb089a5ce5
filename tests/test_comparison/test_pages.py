# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tables of the docs are those of the files that a comparison wrote."""

import re

import pytest
from comparison_records import record_of, scores_of

from gps_seg.comparison import summarise, write_summary
from gps_seg.comparison.pages import files_of, filled


def begin(kind):
    return f'<!-- table {kind} of results/summary.json -->\n'


END = '<!-- end of table -->'


@pytest.fixture
def folder(tmp_path):
    runs = [
        record_of(dice=[80.0, 90.0], variant=variant, seed=seed, rate=1.0)
        for variant in ('bias', 'gps')
        for seed in (0, 1)
    ]
    mixed = {0.5: {'validation': scores_of([70.0, 75.0])}}
    agreement = {
        'variants': ['bias', 'gps'],
        'dice': [[90.0, 80.0], [80.0, 90.0]],
        'error_overlap': [[None, 40.0], [40.0, None]],
        'votes': None,
    }
    summary = summarise(
        runs,
        ['bias'],
        rate_runs=runs,
        agreement=agreement,
        ensembles={name: {0: mixed, 1: mixed} for name in ('bias', 'gps')},
    )
    (tmp_path / 'results').mkdir()
    write_summary(summary, tmp_path / 'results')
    return tmp_path


@pytest.mark.parametrize(
    'kind',
    ['main', 'rates', 'differences to bias', 'ensembles', 'agreement'],
)
def test_a_marked_table_is_written_and_the_rest_stays(folder, kind):
    page = f'# Title\n\n{begin(kind)}old\n{END}\n\nText.'
    text = filled(page, folder)
    assert text.startswith(f'# Title\n\n{begin(kind)}\n')
    assert text.endswith(f'|\n\n{END}\n\nText.')
    assert 'old' not in text
    assert '| gps |' in text
    assert '\n#' not in text
    assert filled(text, folder) == text


def test_two_tables_of_one_page_are_both_written(folder):
    page = f'{begin("main")}{END}\n{begin("rates")}{END}'
    assert len(files_of(page)) == 2
    assert filled(page, folder).count('| gps |') == 2


def test_differences_may_be_those_on_one_data_set(tmp_path):
    runs = [
        record_of(
            dice=[],
            variant=name,
            scores={
                'validation': scores_of([dice, 80.0]),
                'blur': scores_of([50.0]),
            },
        )
        for name, dice in (('bias', 70.0), ('gps', 71.0))
    ]
    (tmp_path / 'results').mkdir()
    write_summary(summarise(runs, ['bias']), tmp_path / 'results')
    heads = {
        kind: filled(
            f'{begin(f"differences to bias{kind}")}{END}', tmp_path
        ).splitlines()[2]
        for kind in ('', ' on validation', ' on blur')
    }
    assert heads[''].count('Dice') == 2
    assert heads[' on validation'].startswith('| variant | Dice |')
    assert heads[' on blur'].startswith('| variant | blur Dice |')
    with pytest.raises(ValueError, match='differences, got one without'):
        filled(f'{begin("differences to bias on jpeg")}{END}', tmp_path)


@pytest.mark.parametrize('kind', ['ensembles', 'agreement'])
def test_a_table_that_a_summary_does_not_have_is_named(tmp_path, kind):
    (tmp_path / 'results').mkdir()
    write_summary(summarise([record_of(dice=[1.0])], []), tmp_path / 'results')
    with pytest.raises(ValueError, match=f'with {kind}, got one without'):
        filled(f'{begin(kind)}{END}', tmp_path)


def test_an_unknown_table_is_named(folder):
    with pytest.raises(ValueError, match="'main', .* got <!-- table mane of"):
        filled(f'{begin("mane")}{END}', folder)


def test_every_table_of_the_docs_is_that_of_its_file(repo_dir):
    pages = [repo_dir / 'README.md', *sorted((repo_dir / 'docs').glob('*.md'))]
    for path in pages:
        page = path.read_text(encoding='utf-8')
        # A mark that is not closed would not be checked.
        begun = len(re.findall('<!-- table ', page))
        assert len(files_of(page)) == begun, path
        assert filled(page, path.parent) == page, (
            f'{path}: run python -m gps_seg.comparison.pages {path}'
        )
