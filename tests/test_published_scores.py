"""Every published pair of Dice and IoU can be of the same images."""

import re

import pytest
import yaml

from gps_seg.comparison import read_summary
from gps_seg.text.dice_and_iou import require_possible_scores

ROW = re.compile(r'^\|(.+)\|$')
SCORE = re.compile(r'\**(\d+(?:\.\d+)?)')  # a difference has a sign


def tables(text):
    """The tables of a page, each a list of rows of cells."""
    rows = []
    for line in [*text.splitlines(), '']:
        if found := ROW.match(line):
            rows.append([cell.strip() for cell in found[1].split('|')])
        elif rows:
            yield rows
            rows = []


def scores_of_rows(text):
    """The first number of each cell under heads that name Dice or IoU."""
    for head, _, *rows in tables(text):
        for row in rows:
            scores = {
                name: float(number[1])
                for name, cell in zip(head, row, strict=True)
                if 'Dice' in name or 'IoU' in name
                if (number := SCORE.match(cell))
            }
            if scores:
                yield row[0], scores


def metafiles(repo_dir):
    index = yaml.safe_load((repo_dir / 'model-index.yml').read_text())
    return [repo_dir / name for name in index['Import']]


def test_the_metafiles_of_the_model_index(repo_dir):
    checked = 0
    for path in metafiles(repo_dir):
        for model in yaml.safe_load(path.read_text())['Models']:
            for result in model['Results']:
                where = f'{model["Name"]} in {path}'
                require_possible_scores(result['Metrics'], where)
                checked += 'image_mDice' in result['Metrics']
    assert checked >= 5


def test_scores_on_kvasir_are_those_of_the_comparison(repo_dir):
    path = repo_dir / 'docs/results/methods_kvasir_long.json'
    summary = read_summary(path)
    found = {row['variant']: row['scores'] for row in summary['variants']}
    path = repo_dir / 'configs/kvasir/metafile.yml'
    models = yaml.safe_load(path.read_text())['Models']
    assert models
    for model in models:
        name = model['Name'].removeprefix('kvasir_')
        own = found[name.replace('gps_', 'gps ')]['validation']
        image, pooled = own['per_image'], own['pooled']
        assert model['Results'][0]['Metrics'] == {
            'image_mDice': round(image['Dice']['mean'], 1),
            'image_mIoU': round(image['IoU']['mean'], 1),
            'mDice': round(pooled['mDice']['mean'], 1),
            'mIoU': round(pooled['mIoU']['mean'], 1),
        }


def test_the_tables_of_the_documentation(repo_dir):
    checked = 0
    for page in (repo_dir / 'docs').glob('*.md'):
        for name, scores in scores_of_rows(page.read_text(encoding='utf-8')):
            require_possible_scores(scores, f'{name} in {page}')
            checked += {'Dice per image', 'IoU per image'} <= set(scores)
    assert checked >= 5


@pytest.mark.parametrize(
    'row', ['| a | 88.1 (87 .. 89) | 72.5 |', '|b|55.2|55.7|']
)
def test_an_impossible_row_of_a_table_is_seen(row):
    page = f'# T\n\n| m | mDice | mIoU |\n| --- | ---: | ---: |\n{row}\n'
    ((_, scores),) = scores_of_rows(page)

    with pytest.raises(ValueError, match='mDice and mIoU'):
        require_possible_scores(scores, 'page')
