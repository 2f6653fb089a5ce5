"""``docs/model_zoo.md`` says what is so."""

import re
from pathlib import Path

import mmseg
import pytest
from mmengine.config import Config
from zoo import FAMILIES

from gps_seg.peft import METHODS, build_method
from gps_seg.runs.counting.counts import count_config
from gps_seg.runs.counting.tables import markdown_table
from gps_seg.sparse import GPS_RULES, Role
from gps_seg.sparse.gps_rules import rules_from_config

CONFIGS = Path(mmseg.__file__).parent / '.mim/configs'
DOCS = Path(__file__).resolve().parents[2] / 'docs'
TEXT = (DOCS / 'model_zoo.md').read_text()
NAMES = (DOCS / 'model_zoo.txt').read_text().split()
SNIPPETS = re.findall(r'```python\n(.*?)```', TEXT, re.DOTALL)
ROWS = re.findall(r'^\| (.*) \| (.*) \| (.*) \|$', TEXT, re.MULTILINE)


def path_of(name):
    return CONFIGS / name.removeprefix('mmseg::')


def test_the_standard_rows_are_those_of_the_table():
    modules = {'Linear': '`nn.Linear`', '_ConvNd': 'any convolution'}
    found = [(m, a, r) for m, a, r in ROWS if r in ('selected', 'whole')]
    for rule in GPS_RULES.rows:
        module = rule.module
        if not isinstance(module, str):
            module = module.__name__
        shown = modules.get(module, module)
        role = rule.role.name.lower()
        assert any(
            shown in m and f'`{rule.attribute}`' in a and role == r
            for m, a, r in found
        ), rule
    # And no more: a cell may stand for several modules and attributes.
    cells = sum(len(m.split(', ')) * len(a.split(', ')) for m, a, _ in found)
    assert cells == len(GPS_RULES.rows)


def test_the_rows_that_it_shows_are_legal():
    shown = re.findall(r'dict\(module=.*?\)', TEXT)
    assert len(shown) == 2 + 4
    rules_from_config([eval(row) for row in shown])


def test_the_config_snippet_makes_a_method():
    names = {}
    exec(SNIPPETS[0], names)
    (hook,) = names['custom_hooks']
    method = build_method(hook['method'], METHODS)
    assert [row['module'] for row in method.rules] == ['LayerNorm'] * 2


def test_the_python_snippet_trains_the_norm():
    names = {}
    exec(SNIPPETS[1], names)
    assert names['roles']['backbone.1.weight'] is Role.WHOLE
    assert names['roles']['backbone.1.bias'] is Role.FROZEN


def test_the_list_and_the_table_are_about_the_same_configs():
    assert re.findall(r'^\| `(mmseg::.*?)`', TEXT, re.MULTILINE) == NAMES
    assert [name for name in NAMES if not path_of(name).is_file()] == []


def test_every_family_that_is_not_one_more_head_is_in_the_list():
    listed = {str(path_of(name).relative_to(CONFIGS)) for name in NAMES}
    folders = {path.split('/')[0] for path in listed}
    heads_on_resnet = {
        family.config.split('/')[0]
        for family in FAMILIES.values()
        if 'backbone.base_channels' in family.settings
    }
    for name, family in FAMILIES.items():
        folder = family.config.split('/')[0]
        if family.requires or folder in heads_on_resnet | {'ocrnet'}:
            continue
        assert folder in folders, name


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore', 'error:::gps_seg')
def test_the_numbers_are_those_of_the_command():
    counts = [
        (name, count_config(Config.fromfile(path_of(name)))) for name in NAMES
    ]
    assert markdown_table(counts) in TEXT


@pytest.mark.optional
def test_the_counts_of_segment_anything_are_those_of_its_configs(repo_dir):
    pytest.importorskip('transformers', reason="SAM's decoder")
    rows = re.findall(r'^\| `configs/.*sam.*$', TEXT, re.MULTILINE)
    names = [re.search(r'`(.*?)`', row)[1] for row in rows]
    assert len(names) == 3
    counts = [
        (name, count_config(Config.fromfile(repo_dir / name), None))
        for name in names
    ]
    assert markdown_table(counts).splitlines()[2:] == rows
