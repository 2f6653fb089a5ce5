"""Records of finished runs, as files."""

import json

import pytest
from comparison_records import record_of, scores_of

from gps_seg.comparison import RunRecord


def test_a_record_comes_back_from_its_file(tmp_path):
    record = record_of(dice=[80.0, 90.0])
    record.write(tmp_path)

    assert RunRecord.read(tmp_path) == record


@pytest.mark.parametrize(
    ('per_image', 'pooled', 'message'),
    [
        (
            {'Dice': [88.0, 88.2], 'IoU': [72.4, 72.6]},
            {},
            'Dice and IoU: .*72',
        ),
        ({'Dice': [55.2], 'IoU': [55.7]}, {}, 'from 55.7 to 71.5 .*got 55.2'),
        ({'Dice': [80.0]}, {'mDice': 88.1, 'mIoU': 72.5}, 'mDice and mIoU'),
    ],
)
@pytest.mark.parametrize('name', ['validation', 'unseen'])
def test_a_record_of_scores_that_cannot_be_is_refused_with_its_path(
    tmp_path, per_image, pooled, message, name
):
    record_of(
        dice=[80.0],
        scores={'validation': scores_of([80.0]), 'unseen': scores_of([80.0])},
    ).write(tmp_path)
    path = tmp_path / 'record.json'
    content = json.loads(path.read_text())
    content['scores'][name].update(per_image=per_image, pooled=pooled)
    path.write_text(json.dumps(content))

    with pytest.raises(ValueError, match=message) as info:
        RunRecord.read(tmp_path)

    assert str(path) in str(info.value)
    assert name in str(info.value)


def test_a_classifier_has_no_pair_to_check(tmp_path):
    record = record_of(dice=[80.0])
    record.write(tmp_path)
    path = tmp_path / 'record.json'
    content = json.loads(path.read_text())
    content['scores']['validation'].update(
        per_image={'accuracy': [100.0]}, pooled={}
    )
    path.write_text(json.dumps(content))

    assert RunRecord.read(tmp_path).validation.metric == 'accuracy'
