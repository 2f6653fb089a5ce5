# Copyright (c) gps_seg contributors. Apache-2.0.
"""Benchmarks, whose workers do their tasks in this process."""

import json
from pathlib import Path

import pytest

from gps_seg.benchmark import (
    Settings,
    fixed_costs,
    format_tables,
    matched,
    preparation,
    rounds,
    rows_of,
    run_rounds,
    select_once,
    serve_rounds,
    worker,
)
from gps_seg.benchmark.growth import (
    Axes,
    measure_missing,
    measuring,
    plot_growth,
    points_of,
)
from gps_seg.benchmark.growth import worker as growth_worker
from gps_seg.benchmark.growth.curves import curves_of, steps_of
from gps_seg.benchmark.growth.points import Host

SETTINGS = Settings(arch='tiny', size=32, steps=1, rounds=1)
OUT = Path('out')


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    """As :func:`run_worker`, with JSON on the way there and back."""

    def run_worker(task, module=worker.__name__):
        task = json.loads(json.dumps(task))
        if module == growth_worker.__name__:
            return growth_worker.TASKS[task.pop('task')](**task)
        settings = Settings(**task.pop('settings'))
        result = worker.TASKS[task.pop('task')](settings, **task)
        return json.loads(json.dumps(result))

    for module in (preparation, rounds, measuring):
        monkeypatch.setattr(module, 'run_worker', run_worker)
    monkeypatch.setattr(growth_worker, 'SECONDS', 0.0)


@pytest.fixture
def selected(run):
    """The selection of one connection per neuron, by the example."""
    names = run(select_once, settings=SETTINGS, rows_of=rows_of)
    return names['facts']


def test_select_once(selected):
    (fact,) = selected
    assert fact['k'] == 1
    assert (OUT / 'selection_k1.safetensors').is_file()


def test_matched(run, selected):
    rows = rows_of(['ours', 'paca'], [1], equal_sizes=['paca.columns'])
    names = run(matched, settings=SETTINGS, rows=rows)
    (fact,) = names['facts']
    assert names['rows'][-1].settings == {'columns': fact['value']}
    assert (fact['method'], fact['setting']) == ('paca', 'columns')


def test_run_rounds(run, capsys):
    rows = rows_of(['bias'], [1])
    given = dict(folder=OUT, format_tables=format_tables)
    run(run_rounds, settings=SETTINGS, rows=rows, **given)
    told, *table = capsys.readouterr().out.splitlines()
    assert told.startswith('round 1/1  bias ')
    assert any(line.startswith('bias ') for line in table)


def test_fixed_costs(run, selected):
    assert run(fixed_costs, settings=SETTINGS)['seconds'] > 0


def test_serve_rounds(run, selected):
    ((seconds, *_),) = run(serve_rounds, settings=SETTINGS)['seconds']
    assert seconds > 0


HOST = Host('vit-tiny', 32, 2)
AXES = Axes(
    depths=(1, 2),
    sizes=(32, 64),
    narrow='vit-tiny',
    widths=('vit-tinier', 'vit-tiny'),
    size=32,
    full_depth=3,
    hosts=(HOST,),
    many_images=HOST,
)


def test_measure_missing_and_plot_growth(run, coarse_pictures):
    saved = []
    points = [p for p in points_of(AXES) if p.row == 'bias']
    given = dict(points=points, folder=OUT, save=saved.append)
    run(measure_missing, **given)
    assert [len(results) for results in saved] == [*range(1, len(points) + 1)]
    curves = curves_of(AXES, saved[-1])
    steps = steps_of(AXES, saved[-1])
    run(plot_growth, axes=AXES, curves=curves, steps=steps)
    assert Path('growth.png').stat().st_size > 10_000
