"""Plain and Markdown tables: one input, cells where a reader expects them."""

import pytest

from gps_seg.text.markdown import table
from gps_seg.text.printable import on_one_line, printable
from gps_seg.text.table import aligned

ROWS = [
    ('method', 'score', 'trained', 'note'),
    ('gps', '82.81 +- 0.1', 41856, 'selected'),
    ('linear', '-', 2, ''),
]


def test_numbers_stand_on_the_right_and_words_on_the_left():
    assert aligned(ROWS).split('\n') == [
        'method         score  trained  note',
        'gps     82.81 +- 0.1   41,856  selected',
        'linear             -        2',
    ]


def test_the_same_rows_make_a_table_in_markdown():
    assert table(ROWS).split('\n') == [
        '| method | score | trained | note |',
        '| --- | ---: | ---: | --- |',
        '| gps | 82.81 +- 0.1 | 41,856 | selected |',
        '| linear | - | 2 |  |',
    ]


@pytest.mark.parametrize(
    ('cells', 'side'),
    [
        (['1', '-2.5', '+3'], 'right'),
        (['44.6 %', '-', ''], 'right'),
        (['**82.8**', '81.0'], 'right'),
        ([1, 0.5, 'nan'], 'right'),
        (['1', 'all'], 'left'),
        (['k=1'], 'left'),
        ([True], 'left'),
        (['-x'], 'left'),
    ],
)
def test_a_column_is_right_aligned_if_all_of_it_are_numbers(cells, side):
    rows = [('a', 'a wider head'), *(('x', cell) for cell in cells)]
    _, rule, *_ = table(rows).split('\n')
    assert rule.endswith('---: |') is (side == 'right')
    first, *_ = cells
    line = aligned(rows).split('\n')[1]
    assert line.index(str(first)) == (
        3 if side == 'left' else 15 - len(str(first))
    )


def test_wide_and_combining_letters_keep_the_columns():
    """A terminal gives two columns to 息, and none to an accent."""
    lines = aligned(
        [('name', 'n'), ('息肉', 1), ('abcd', 2), ('e\u0301bcd', 3)]
    ).split('\n')
    assert lines == ['name  n', '息肉  1', 'abcd  2', 'e\u0301bcd  3']


def test_a_name_ends_neither_its_row_nor_its_cell():
    name = 'a\n|\x1b[31m\u202e'
    spelt = r'a\n|\x1b[31m\u202e'
    assert aligned([('name', 'n'), (name, 1)]).split('\n')[1] == f'{spelt}  1'
    escaped = spelt.replace('|', r'\|')
    assert table([('name', 'n'), (name, 1)]).split('\n')[2:] == [
        f'| {escaped} | 1 |'
    ]


def test_a_table_without_rows_is_its_head():
    assert aligned([('name', 'n')]) == 'name  n'
    assert table([('name', 'n')]) == '| name | n |\n| --- | --- |'


def test_rows_of_several_lengths_are_refused():
    for write in (aligned, table):
        with pytest.raises(ValueError, match='shorter'):
            write([('a', 'b'), ('x', 'y'), ('c',)])


def test_lines_and_tabs_are_kept_or_spelt():
    assert printable('a\n\tb\r\x00') == 'a\n\tb\\r\\x00'
    assert on_one_line('a\n\tb\r\x00') == 'a\\n\\tb\\r\\x00'
    assert on_one_line('息肉 é') == '息肉 é'
