"""What a notebook shows of the objects: one short line each."""

import torch
from torch import nn

from gps_seg.peft import GPS, METHODS, Choice, LoRA, tune
from gps_seg.sparse import (
    GPS_RULES,
    Budget,
    ColumnGradients,
    Connections,
    Lines,
    Role,
    Rule,
    RunningSums,
    Scores,
    SelectedWeights,
    Selection,
    Share,
    owned_parameters,
)

SETTINGS = {
    'gps': dict(k=1),
    'sift': dict(share=0.1),
    'peft': dict(peft_type='lora'),
    'grft': dict(k=1, unit='row', penalty=0.0, last_blocks=0),
    'spt_lora': dict(budget=10),
    'spt_adapter': dict(budget=10),
    'budgeted': dict(of=LoRA(), budget=10),
}


def one_entry_per_row(rows=8, columns=16):
    model = nn.Sequential(nn.Linear(columns, rows))
    indices = torch.arange(rows) * columns
    shape = torch.Size((rows, columns))
    return model, Selection({'0.weight': indices}, {'0.weight': shape})


def test_a_selection_says_how_much_and_which():
    _, selection = one_entry_per_row()
    assert repr(selection) == (
        f'Selection(1 weights, 8 of 128 entries, sha256 {selection.hash[:8]})'
    )


def test_a_large_selection_is_counted_in_millions():
    shapes = {'a': (4_000, 5_000), 'b': (1_340, 1_000)}
    indices = {'a': torch.arange(41_000), 'b': torch.arange(856)}
    assert repr(Selection(indices, shapes)).startswith(
        'Selection(2 weights, 41,856 of 21.3 M entries, sha256 '
    )


def test_what_trains_is_counted_by_its_parts():
    model = nn.ModuleDict(
        {'backbone': nn.Linear(300, 100), 'head': nn.Linear(100, 20)}
    )
    tuned = tune(model, GPS(k=11, score='random'), [], seed=0)
    whole = 100 + 100 * 20 + 20
    assert repr(tuned) == (
        f'Trainable({1_100 + whole:,} values: 1,100 selected entries, '
        f'{whole:,} in whole tensors)'
    )
    assert repr(tuned.selected) == 'SelectedWeights(1 weights, 1,100 entries)'


def test_entries_say_that_they_were_released():
    model, selection = one_entry_per_row()
    entries = SelectedWeights(model, selection)['0.weight']
    text = 'SelectedEntries(8 of a weight of shape (8, 16)'
    assert repr(entries) == f'{text})'
    entries.release()
    assert repr(entries) == f'{text}, released)'


def test_a_rule_table_counts_its_rows():
    number = len(GPS_RULES.standard)
    assert repr(GPS_RULES) == f'RuleTable(0 own and {number} standard rows)'
    extended = GPS_RULES.extended(Rule('LayerNorm', 'weight', Role.WHOLE))
    assert repr(extended) == f'RuleTable(1 own and {number} standard rows)'


def test_lazy_mappings_show_no_tensor():
    weights = {'a': nn.Parameter(torch.zeros(50, 50))}
    scores = Scores('fisher', weights, weights, seed=0)
    assert repr(scores) == "Scores('fisher', 1 weights)"
    assert repr(RunningSums(weights, 60)) == (
        'RunningSums(1 weights, 60 batches)'
    )


def test_nothing_is_longer_than_a_line():
    model, selection = one_entry_per_row()
    _, owned = next(owned_parameters(model))
    things = [
        *(build(**SETTINGS.get(n, {})) for n, build in METHODS.items()),
        *(Budget('layer', Share(0.1)), Lines('row', Connections(1))),
        ColumnGradients([]),
        Choice(selection, {f'weight {n}': n for n in range(99)}, {2: 0.5}),
        Choice(selection, structure={'modules': ['layers.0.fc1'] * 99}),
        owned,
    ]
    for thing in things:
        text = repr(thing)
        assert len(text) < 160 and '\n' not in text, text
        assert ' at 0x' not in text
