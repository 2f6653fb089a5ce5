"""Scores as a user reads them."""

from types import SimpleNamespace

import pytest
from mmengine.hooks import CheckpointHook

from gps_seg.engine import DeltaHook
from gps_seg.runs.console.scores import BestScore, format_scores, scores_table

METRICS = {
    'mDice': 80.125,
    'image_mDice': 75.0,
    'Dice.polyp': 70.0,
    'Dice.background': 90.25,
    'IoU.polyp': 60.0,
    'IoU.background': 88.0,
    'val/IoU.polyp': 1.0,
    'time': 0.5,
    'data_time': 0.1,
    'broken': float('nan'),
}


def test_one_line_has_the_overall_scores_the_chosen_first():
    line = format_scores(METRICS, 'image_mDice')
    assert line == 'image_mDice 75.00, mDice 80.12'


def test_a_table_has_the_classes_too():
    metrics = {k: v for k, v in METRICS.items() if k != 'val/IoU.polyp'}
    assert scores_table(metrics).split() == [
        *('mDice', '80.12', 'image_mDice', '75.00'),
        *('class', 'Dice', 'IoU'),
        *('polyp', '70.00', '60.00', 'background', '90.25', '88.00'),
    ]


def test_a_class_without_one_of_the_scores():
    text = scores_table({'Dice.a': 1.0, 'Dice.b': 2.0, 'IoU.b': 3.0})
    assert text.split() == ['class', 'Dice', 'IoU', 'a', '1.00', '-'] + [
        *('b', '2.00', '3.00')
    ]


def test_a_classifier_has_no_table_of_classes():
    assert scores_table({'accuracy/top1': 50.0}) == 'accuracy/top1  50.00'


@pytest.mark.parametrize(
    ('rule', 'marks'), [('greater', [1, 0, 1]), ('less', [1, 1, 0])]
)
def test_the_best_by_the_rule(rule, marks):
    hook = DeltaHook(1, save_best='loss', rule=rule)
    best = BestScore.of(SimpleNamespace(hooks=[hook]))
    runner = SimpleNamespace(iter=0)
    seen = []
    for value in (2.0, 1.0, 3.0):
        runner.iter += 1
        seen.append(best.update({'loss': value}, runner))
    assert seen == marks
    assert (best.value, best.iteration) == (
        (3.0, 3) if rule == 'greater' else (1.0, 2)
    )


def test_a_resumed_run_knows_its_best():
    hook = DeltaHook(1, save_best='mIoU')
    hook.best = 70.0
    best = BestScore.of(SimpleNamespace(hooks=[hook]))
    assert not best.update({'mIoU': 60.0}, SimpleNamespace(iter=9))
    assert (best.value, best.iteration) == (70.0, 0)


def test_the_best_of_a_plain_checkpoint_hook():
    hook = CheckpointHook(interval=1, save_best='mIoU', rule='greater')
    hub = SimpleNamespace(runtime_info={'best_score': 5.0})
    best = BestScore.of(SimpleNamespace(hooks=[hook], message_hub=hub))
    assert (best.name, best.rule, best.value) == ('mIoU', 'greater', 5.0)


def test_a_run_without_a_best():
    best = BestScore.of(SimpleNamespace(hooks=[DeltaHook(1)]))
    assert not best.update({'mIoU': 60.0}, SimpleNamespace(iter=9))
    assert best.last == {'mIoU': 60.0}
