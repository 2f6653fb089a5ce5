# Copyright (c) gps_seg contributors. Apache-2.0.
"""From two folders to a task that predicts, in one call."""

import re

import cv2
import numpy as np
import pytest

import gps_seg
from gps_seg.delta import Delta


@pytest.fixture
def task(tmp_path, photos, small_encoder, no_measurement, no_pictures):
    return gps_seg.finetune(
        photos.images, photos.masks, tmp_path / 'polyps', steps=5
    )


def test_a_task_predicts_evaluates_saves_and_loads(task, photos, tmp_path):
    path = min(photos.images.iterdir())
    image = cv2.imread(str(path))
    prediction = task.predict(path)
    assert task.classes == ('background', 'object')
    assert prediction.labels.shape == image.shape[:2]
    assert prediction.labels.dtype == np.uint8
    np.testing.assert_array_equal(
        prediction.probabilities.argmax(0), prediction.labels
    )
    np.testing.assert_allclose(prediction.probabilities.sum(0), 1, rtol=1e-5)
    # An array is read as RGB, where OpenCV has BGR.
    from_array = task.predict(np.ascontiguousarray(image[..., ::-1]))
    np.testing.assert_array_equal(from_array.labels, prediction.labels)

    scores = task.evaluate()
    assert scores['image_mDice'] == pytest.approx(
        task.info.metric['image_mDice'], abs=1e-3
    )
    others = task.evaluate(photos.images, photos.masks)
    assert others['image_mDice'] == pytest.approx(
        dice_of_all(task, photos), abs=1e-3
    )

    saved = task.save(tmp_path / 'polyps.safetensors')
    assert Delta.load(saved).selection.hash == (
        Delta.load(task.delta).selection.hash
    )
    again = gps_seg.Task.load(saved).predict(path)
    np.testing.assert_array_equal(
        again.probabilities, prediction.probabilities
    )


def test_images_without_a_mask_can_be_left_out(
    photos, tmp_path, small_encoder
):
    masks = tmp_path / 'some'
    masks.mkdir()
    for path in sorted(photos.masks.iterdir())[:3]:
        (masks / path.name).write_bytes(path.read_bytes())
    out = tmp_path / 'polyps'
    with pytest.raises(ValueError, match='9 images .*skip_unlabelled=True'):
        gps_seg.finetune(photos.images, masks, out)
    with pytest.raises(ValueError, match='5 or more images .* got 3'):
        gps_seg.finetune(photos.images, masks, out, skip_unlabelled=True)


def test_an_evaluation_prints_nothing(task, capsys):
    from mmengine.logging import MMLogger

    MMLogger.get_instance('a_new_session')  # writes to the screen
    capsys.readouterr()
    task.evaluate()
    assert capsys.readouterr() == ('', '')


def dice_of_all(task, photos):
    """Mean Dice of the object per image, in percent, by its definition."""
    scores = []
    for path in sorted(photos.images.iterdir()):
        mask = cv2.imread(
            str(photos.masks / f'{path.stem}.png'), cv2.IMREAD_UNCHANGED
        )
        truth, found = mask > 127, task.predict(path).labels == 1
        total = truth.sum() + found.sum()
        scores.append(200 * (truth & found).sum() / total)
    return np.mean(scores)


def test_what_is_no_image_is_refused(task, tmp_path):
    with pytest.raises(FileNotFoundError, match='image: expected a file'):
        task.predict(tmp_path / 'none.png')
    (tmp_path / 'text.png').write_text('no image')
    with pytest.raises(ValueError, match='image: expected a picture'):
        task.predict(tmp_path / 'text.png')
    with pytest.raises(ValueError, match='uint8 of shape'):
        task.predict(np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r'ends in \.safetensors'):
        task.save(tmp_path / 'task.pth')


@pytest.mark.parametrize('page', ['README.md', 'docs/your_data.md'])
@pytest.mark.usefixtures('small_encoder', 'no_measurement', 'no_pictures')
def test_the_call_in_the_documentation_runs(
    tmp_path, photos, monkeypatch, repo_dir, page
):
    from gps_seg.runs.own_folder import plan

    monkeypatch.setattr(plan, 'ON_CPU', plan.Limits(252, 2, 2))
    monkeypatch.chdir(tmp_path)
    text = (repo_dir / page).read_text(encoding='utf-8')
    call = re.search(r'```python\n(.*?)```', text, re.DOTALL)[1]
    (tmp_path / 'photos').symlink_to(photos.images)
    (tmp_path / 'outlines').symlink_to(photos.masks)
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other/photos').symlink_to(photos.images)
    (tmp_path / 'other/outlines').symlink_to(photos.masks)
    image = min(photos.images.iterdir())
    (tmp_path / 'new.jpg').write_bytes(image.read_bytes())
    names = {}
    exec(call, names)
    assert set(np.unique(names['labels'])) <= {0, 1}
    assert (tmp_path / 'polyps.safetensors').is_file()
