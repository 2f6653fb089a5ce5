# Copyright (c) gps_seg contributors. Apache-2.0.
"""Runs side by side: their table, and the picture of their predictions."""

from types import SimpleNamespace

import numpy as np
import pytest

from gps_seg.engine.reporting.trained_values import TrainedValues
from gps_seg.evaluation import ImageScore
from gps_seg.runs.side_by_side import quiet_runs
from gps_seg.runs.side_by_side.quiet_runs import (
    Run,
    format_runs,
    plot_predictions,
)
from gps_seg.text.scores import METRICS
from gps_seg.visualization import Overlay

LONG = 'gps scope=layer density=0.01 score=random'


def finished(method, num_trained):
    return SimpleNamespace(
        method=method,
        trained=TrainedValues(num_trained, 0, 0, 0, 1_000_000),
        scores=dict.fromkeys(METRICS, 81.234),
        seconds=18.76,
    )


def test_columns_are_aligned_whatever_a_run_is_called():
    table = format_runs([finished('gps', 12_345), finished(LONG, 1_000_000)])
    header, first, second = table.splitlines()
    assert len({len(line) for line in (header, first, second)}) == 1
    assert header.split()[:4] == ['method', 'trained', 'values', '%']
    scores = ['81.23'] * len(METRICS)
    assert first.split() == ['gps', '12,345', '1.23', *scores, '18.8']
    assert second.startswith(f'{LONG}  ')
    assert second[len(LONG) :].split()[:2] == ['1,000,000', '100.00']


def run_of(method, dice):
    scores = [ImageScore(f'{k}.jpg', v, 0.0) for k, v in dice.items()]
    return Run(method, SimpleNamespace(label=method, scores=scores), None, 1.0)


@pytest.fixture
def rows(monkeypatch):
    """Rows of the grid; a prediction is the letters of run and image."""

    def predict(runner, examples):
        return [
            Overlay(
                np.full((2, 3, 3), ord(example.img_path[0]), np.uint8),
                np.full((2, 3), ord(runner.label[0])),
                np.ones((2, 3)),
                '',
            )
            for example in examples
        ]

    seen = []
    monkeypatch.setattr(quiet_runs, 'predict_examples', predict)
    monkeypatch.setattr(quiet_runs, 'last_scores', lambda r: r.scores)
    monkeypatch.setattr(
        quiet_runs,
        'plot_prediction_grid',
        lambda rows, out: seen.extend(rows) or out,
    )
    return seen


def test_each_row_is_an_image_as_each_run_predicts_it(rows, tmp_path):
    runs = [
        run_of('linear', {'x': 11, 'y': 12, 'z': 13}),
        run_of('gps', {'x': 50, 'y': 90, 'z': 30}),
    ]
    out = tmp_path / 'methods.png'
    assert plot_predictions(runs, runs[1], out) == out
    found = [(row.title, chr(row.image[0, 0, 0])) for row in rows]
    assert found == [('worst\nz', 'z'), ('median\nx', 'x'), ('best\ny', 'y')]
    for row in rows:
        labels = {name: chr(p[0, 0]) for name, p in row.predictions.items()}
        assert labels == {'linear': 'l', 'gps': 'g'}
    assert rows[0].captions == {'linear': 'Dice 13.0', 'gps': 'Dice 30.0'}
    assert rows[2].captions == {'linear': 'Dice 12.0', 'gps': 'Dice 90.0'}
