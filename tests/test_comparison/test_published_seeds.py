# Copyright (c) gps_seg contributors. Apache-2.0.
"""The table of three seeds is made of the files of two comparisons."""

from statistics import fmean, stdev

from gps_seg.comparison import read_summary

COLUMNS = [
    ('per_image', 'Dice'),
    ('per_image', 'IoU'),
    ('pooled', 'mDice'),
    ('pooled', 'mIoU'),
]


def row(variant, summaries):
    rows = [
        {each['variant']: each for each in summary['variants']}[variant]
        for summary in summaries
    ]
    cells = []
    for kind, metric in COLUMNS:
        values = [
            value
            for each in rows
            for value in each['scores']['validation'][kind][metric]['per_seed']
        ]
        assert len(values) == 3
        cells.append(f'{fmean(values):.2f} ± {stdev(values):.2f}')
    return f'| {variant} | ' + ' | '.join(cells) + ' |'


def test_the_table_of_three_seeds(repo_dir):
    page = (repo_dir / 'docs/results.md').read_text(encoding='utf-8')
    part = page.partition('### Three seeds together')[2].partition('###')[0]
    summaries = [
        read_summary(repo_dir / f'docs/results/{name}.json')
        for name in ('methods_kvasir', 'methods_kvasir_seed2')
    ]
    told = [line for line in part.splitlines() if line.startswith('| ')][2:]
    variants = [each['variant'] for each in summaries[0]['variants']]
    assert told == [row(variant, summaries) for variant in variants]
