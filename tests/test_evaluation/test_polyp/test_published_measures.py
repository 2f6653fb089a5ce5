# Copyright (c) gps_seg contributors. Apache-2.0.
"""The measures of a real run in ``docs/metrics.md``."""

import json
import re

import pytest

#: Columns of the table, in order.
SHOWN = (
    'image_mDice', 'image_mIoU', 'pooled_Dice', 'threshold_max_mDice',
    'weighted_F', 'S_measure', 'threshold_max_E', 'MAE',
)  # fmt: skip


@pytest.fixture
def measured(repo_dir):
    path = repo_dir / 'docs/results/polyp_measures_kvasir.json'
    return json.loads(path.read_text(encoding='utf-8'))


def test_the_table_is_that_of_the_file(measured, repo_dir):
    page = (repo_dir / 'docs/metrics.md').read_text(encoding='utf-8')
    section = page.partition('## On a real run')[2].partition('\n## ')[0]
    rows = re.findall(r'^\| (\w+) \| ([\d.| ]+) \|$', section, re.MULTILINE)
    assert {name: cells.split(' | ') for name, cells in rows} == {
        name: [f'{scores[f"polyp/{key}"]:.2f}' for key in SHOWN]
        for name, scores in measured.items()
    }


def test_dice_and_iou_are_those_of_the_other_evaluator(measured, repo_dir):
    path = repo_dir / 'docs/results/methods_kvasir.json'
    variants = json.loads(path.read_text(encoding='utf-8'))['variants']
    compared = {row['variant']: row for row in variants}
    for name, scores in measured.items():
        scored = compared[name]['scores']['validation']['per_image']
        for key in ('Dice', 'IoU'):
            first = scored[key]['per_seed'][0]
            assert scores[f'polyp/image_m{key}'] == pytest.approx(
                first, abs=5e-3
            )
