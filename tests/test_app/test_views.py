# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the page shows, without a page."""

import re

import numpy as np
import pytest
from PIL import Image

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.app import Answer, Task  # noqa: E402
from gps_seg.app.inputs.examples import examples_in  # noqa: E402
from gps_seg.app.page.html import KEPT, NOT_RESTORED, RESTORED  # noqa: E402
from gps_seg.app.page.numbers import HEAD  # noqa: E402
from gps_seg.app.page.overlay import colours_of, paint  # noqa: E402
from gps_seg.app.page.runs_tab import runs_of  # noqa: E402
from gps_seg.app.page.views import Views  # noqa: E402

CLASSES = ('background', 'polyp')
RED = ((0, 0, 0), (255, 0, 0))
SIZE = (1000, 800)  # not enlarged


class Server:
    """A server whose tasks answer with the left part of the image."""

    def __init__(self):
        self.tasks = {
            name: Task(name, None, classes=CLASSES, palette=RED)
            for name in ('narrow', 'wide <b>')
        }
        self.widths = {'narrow': 100, 'wide <b>': 300}
        self.changes = {}

    def predict(self, name, image):
        labels = np.zeros(image.shape[:2], np.uint8)
        labels[:, : self.widths[name]] = 1
        answer = Answer(labels, (0.9, 0.75), 0.002, 0.001, 0.5, True)
        return answer._replace(**self.changes)


@pytest.fixture
def views(tmp_path):
    for name in ('images', 'masks'):
        (tmp_path / name).mkdir()
    grey = np.full((*SIZE, 3), 100, np.uint8)
    Image.fromarray(grey).save(tmp_path / 'images/a.png')
    mask = np.zeros(SIZE, np.uint8)
    mask[:, :200] = 255
    Image.fromarray(mask).save(tmp_path / 'masks/a.png')
    return Views(Server(), examples_in(tmp_path))


@pytest.fixture
def image(views):
    return str(views.examples.all[0].image)


def test_the_object_is_painted_and_the_rest_is_not(views, image):
    shown = views.single('narrow', image, None, 0.4)
    assert shown.picture[500, 50].tolist() == [162, 60, 60]  # 40 % of red
    assert shown.picture[500, 500].tolist() == [100, 100, 100]
    assert '12.5 % of the image, 75 % certain' in shown.legend
    assert RESTORED in shown.status
    assert 'switch 3 ms, prediction 500 ms' in shown.status


def test_no_opacity_shows_the_image_and_the_truth_alone(views, image):
    shown = views.single('narrow', image, None, 0)
    columns = (shown.picture != 100).any(axis=(0, 2)).nonzero()[0]
    assert 190 < columns.min() <= 199 < 200 <= columns.max() < 210


def test_scores_against_the_mask_of_an_example(views, image):
    shown = views.single('narrow', image, None, 0.5)
    dice, iou = 2 * 100 / (100 + 200), 100 / 200
    text = re.sub('<.*?>', '', shown.legend)
    assert f'Dice {100 * dice:.1f} % · IoU {100 * iou:.1f} %' in text
    assert 'ground truth' in text


def test_a_mask_that_was_uploaded_comes_first(views, image, tmp_path):
    mask = np.zeros(SIZE, np.uint8)
    mask[:, :100] = 255
    Image.fromarray(mask).save(tmp_path / 'mine.png')
    shown = views.single('narrow', image, str(tmp_path / 'mine.png'), 0.5)
    assert 'Dice <b>100.0</b>' in shown.legend


def test_a_wrong_mask_is_a_message(views, image, tmp_path):
    (tmp_path / 'mine.png').write_text('no mask')
    shown = views.single('narrow', image, str(tmp_path / 'mine.png'), 0.5)
    assert shown.picture is None
    assert 'role="alert"' in shown.status and 'BMP, JPEG' in shown.status


def test_two_tasks_side_by_side(views, image):
    shown = views.pair(('narrow', 'wide <b>'), image, None, 1)
    left, right = shown.picture
    assert left[500, 250].tolist() == [100, 100, 100]
    assert right[500, 250].tolist() == [255, 0, 0]
    assert '25.0 % of the pixels differ' in shown.status
    assert 'wide &lt;b&gt;' in shown.legend and 'wide <b>' not in shown.legend


def test_numbers_of_all_tasks(views, image):
    rows, status = views.table('narrow', image, None)
    found = [dict(zip(HEAD, row, strict=True)) for row in rows]
    assert [row['task'] for row in found] == ['narrow', 'wide <b>']
    assert [row['Dice, %'] for row in found] == [66.7, 80.0]
    assert [row['IoU, %'] for row in found] == [50.0, 66.7]
    assert [row['changed, %'] for row in found] == [0.0, 25.0]
    assert [row['switch, ms'] for row in found] == [3.0, 3.0]
    assert RESTORED in status


def test_without_an_image_there_is_a_message(views):
    for shown in (
        views.single('narrow', None, None, 0.5),
        views.pair(('narrow', 'narrow'), None, None, 0.5),
    ):
        assert shown.picture is None
        assert 'Choose an image first' in shown.status
    assert 'Choose an image first' in views.table('narrow', None, None)[1]


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({'base_restored': False}, NOT_RESTORED),
        ({'is_cached': True}, KEPT),
    ],
)
def test_restored_is_said_only_after_a_check(views, image, changes, expected):
    views.server.changes = changes
    for status in (
        views.single('narrow', image, None, 0.5).status,
        views.pair(('narrow', 'narrow'), image, None, 0.5).status,
        views.table('narrow', image, None)[1],
    ):
        assert expected in status and RESTORED not in status


def test_all_of_many_classes_are_painted_in_different_colours():
    names = tuple(f'class {i}' for i in range(20))
    task = Task('many', None, classes=names)
    assert len(set(colours_of(task))) == 20
    grey = np.full((9, 9, 3), 100, np.uint8)
    painted = paint(grey, np.full((9, 9), 0, np.uint8), task, 1.0)
    assert painted[4, 4].tolist() == list(colours_of(task)[0])


def test_runs_of_a_comparison_have_a_plot_and_a_table(repo_dir, tmp_path):
    runs = runs_of(repo_dir / 'docs/results/methods_kvasir.json', tmp_path)
    assert runs.picture.parent == tmp_path
    with Image.open(runs.picture) as picture:
        assert picture.width > 500
    assert '| linear' in runs.table
    with pytest.raises(FileNotFoundError, match='--comparison: expected'):
        runs_of(tmp_path, tmp_path)
