"""Rows: one per method, k, attention and variant, with settings checked."""

import pytest

from gps_seg.benchmark.rows import Match, Row, rows_of


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'lora.rnak': 2}, r'rnak.*\(method lora; --method-options lora\.KEY'),
        ({'lora.rank': 0}, r'rank: expected .*method lora'),
        ({'gps.k': 2}, r'with a method among lora, full, got gps\.k'),
        ({'rank': 2}, r'expected METHOD\.KEY=VALUE'),
    ],
)
def test_settings_that_do_not_fit(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        rows_of(['lora', 'full', 'ours'], [1], options)


def test_a_setting_that_is_missing_is_told_before_anything_runs():
    with pytest.raises(ValueError, match='method sift; --method-options'):
        rows_of(['sift'], [1])


def test_rows_of_ours_are_one_per_k():
    assert rows_of(['bias', 'scatter-add', 'ours'], [2, 5]) == [
        Row('bias', None, 'bias'),
        Row('scatter-add', 2, 'scatter-add'),
        Row('ours', 2, 'ours k=2'),
        Row('ours', 5, 'ours k=5'),
    ]


@pytest.mark.parametrize('methods', [['full', 'lorra'], [], ['full', 'full']])
def test_unknown_or_repeated_methods(methods):
    with pytest.raises(ValueError, match='methods: expected different ones'):
        rows_of(methods, [1])


@pytest.mark.parametrize('ks', [[0], [], [1, 1]])
def test_bad_k(ks):
    with pytest.raises(ValueError, match='k: expected different numbers'):
        rows_of(['ours'], ks)


def test_every_attention_and_variant_has_a_row_with_its_name():
    rows = rows_of(
        ['bias', 'ours'],
        [1],
        attentions=['fused', 'shipped'],
        variants=['plain', 'mlps+with_cp'],
    )
    assert [row.label for row in rows] == [
        'bias',
        'bias mlps+with_cp',
        'bias (shipped)',
        'bias mlps+with_cp (shipped)',
        'ours k=1',
        'ours k=1 mlps+with_cp',
        'ours k=1 (shipped)',
        'ours k=1 mlps+with_cp (shipped)',
    ]
    assert rows[7] == Row(
        'ours',
        1,
        'ours k=1 mlps+with_cp (shipped)',
        attention='shipped',
        variant='mlps+with_cp',
    )


def test_a_row_of_equal_size_awaits_its_setting():
    _, row = rows_of(['ours'], [2, 5], equal_sizes=['paca.columns'])[-2:]
    match = Match('columns', 2)
    assert row == Row('paca', None, 'paca equal size', match=match)


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('paca', r'equal-size: expected METHOD\.KEY .*got paca'),
        ('ours.k', r'equal-size: expected METHOD\.KEY .*got ours\.k'),
        ('paca.colums', r'colums.*--equal-size paca\.KEY'),
    ],
)
def test_a_setting_of_equal_size_that_does_not_exist(key, message):
    with pytest.raises(ValueError, match=message):
        rows_of(['ours'], [1], equal_sizes=[key])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'attentions': ['fast']}, 'attention: expected different ones of fu'),
        ({'attentions': []}, 'attention: expected .*got none'),
        ({'variants': ['plain', 'plain']}, 'variants: expected different'),
    ],
)
def test_attention_and_variants_that_do_not_exist(options, message):
    with pytest.raises(ValueError, match=message):
        rows_of(['full'], [1], **options)
