"""What a sweep tells on the way, and which metric it shows."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config

from gps_seg.runs.deltas.alphas import SweepProgress
from gps_seg.runs.deltas.sweep import as_json, main_metric
from gps_seg.text import clock
from gps_seg.visualization import AlphaScore

METRICS = {'mDice': 80.0, 'image_mDice': 70.0}


def test_the_time_left_is_that_of_all_alphas(monkeypatch):
    """Two alphas of four batches, six seconds each: 48 in all."""
    now = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(clock.time, 'monotonic', lambda: now.seconds)
    lines = []
    progress = SweepProgress([0, 0.5], lines.append)
    runner = SimpleNamespace(test_dataloader=range(4))

    for alpha in (0, 0.5):
        progress.before_test_epoch(runner)
        for batch in range(4):
            now.seconds += 6
            progress.after_test_iter(runner, batch)
        progress.finish(AlphaScore(alpha, METRICS))

    done = 'mDice 80.00, image_mDice 70.00'
    assert lines == [
        'alpha 0: batch 3/4, 0:00:30 left',
        f'alpha 0 (1 of 2): {done}; 0:00:24 left',
        'alpha 0.5: batch 2/4, 0:00:12 left',
        f'alpha 0.5 (2 of 2): {done}; 0:00:00 left',
    ]


@pytest.mark.parametrize(
    ('hooks', 'chosen'),
    [
        ({'checkpoint': {'save_best': 'image_mDice'}}, 'image_mDice'),
        ({'checkpoint': {'save_best': 'auto'}}, 'mDice'),
        ({'checkpoint': {'save_best': ['image_mDice']}}, 'mDice'),
        ({'checkpoint': None}, 'mDice'),
        (None, 'mDice'),
    ],
)
def test_the_metric_is_that_of_the_best(hooks, chosen):
    assert main_metric(Config({'default_hooks': hooks}), METRICS) == chosen


def test_scores_that_are_not_defined_are_null():
    delta = SimpleNamespace(new={'b', 'a'})
    scores = [AlphaScore(0.5, {'mDice': float('nan'), 'mIoU': 3.0})]

    content = as_json(scores, delta)

    assert content['new_tensors_at_tuned_values'] == ['a', 'b']
    assert content['scores'] == [
        {'alpha': 0.5, 'metrics': {'mDice': None, 'mIoU': 3.0}}
    ]
