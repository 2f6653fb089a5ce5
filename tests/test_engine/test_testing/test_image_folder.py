"""What a test writes about each image: labels, drawings, and their names."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from gps_seg.engine.testing.drawing_hook import DrawingHook
from gps_seg.engine.testing.image_names import name_images, paths_of
from gps_seg.engine.testing.prediction_hook import PredictionHook
from gps_seg.visualization import Overlay
from gps_seg.visualization.images.strip import draw_strip

SIZE = (40, 50)


class DataSet:
    def __init__(self, paths, **metainfo):
        self.paths, self.metainfo = paths, metainfo

    def __len__(self):
        return len(self.paths)

    def get_data_info(self, index):
        return {'img_path': str(self.paths[index])}


@pytest.fixture
def images(tmp_path):
    paths = [tmp_path / f'images/{n}.png' for n in ('a/x', 'b/x', 'b/y')]
    for shade, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.full((*SIZE, 3), (10, 20, 30 + shade), np.uint8)
        cv2.imwrite(str(path), image)
    return paths


def runner_of(paths, model=None, **metainfo):
    dataset = DataSet(paths, **metainfo)
    return SimpleNamespace(
        model=model or torch.nn.Identity(),
        test_dataloader=SimpleNamespace(dataset=dataset),
    )


def sample_of(path, prediction, truth=None):
    sample = SegDataSample(metainfo={'img_path': str(path)})
    sample.pred_sem_seg = PixelData(data=torch.from_numpy(prediction)[None])
    if truth is not None:
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(truth)[None])
    return sample


def box(top):
    labels = np.zeros(SIZE, np.uint8)
    labels[top : top + 20, 10:30] = 1
    return labels


def files(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob('*')
        if path.is_file()
    )


@pytest.mark.parametrize('hook', [PredictionHook, DrawingHook])
def test_images_of_one_name_have_a_file_each(tmp_path, images, hook):
    hook = hook(str(tmp_path / 'new' / 'out'))
    runner = runner_of(images)
    hook.before_test(runner)
    outputs = [sample_of(path, box(5), box(9)) for path in images]
    hook.after_test_iter(runner, 0, None, outputs[:2])
    hook.after_test_iter(runner, 1, None, outputs[2:])
    assert files(tmp_path / 'new/out') == ['a/x.png', 'b/x.png', 'b/y.png']


def test_a_drawing_is_the_strip_of_the_image(tmp_path, images):
    hook = DrawingHook(str(tmp_path / 'out'))
    runner = runner_of(images[1:])
    hook.before_test(runner)
    sample = sample_of(images[2], box(5), box(9))
    hook.after_test_iter(runner, 0, None, [sample])
    drawn = cv2.imread(str(tmp_path / 'out/y.png'))[..., ::-1]
    image = np.full((*SIZE, 3), (32, 20, 10), np.uint8)
    expected = draw_strip(Overlay(image, box(5), box(9), ''))
    np.testing.assert_array_equal(drawn, expected)


def test_a_drawing_has_the_colours_of_the_data_set(tmp_path, images):
    hook = DrawingHook(str(tmp_path / 'out'))
    palette = [[250, 0, 0], [0, 250, 0], [0, 0, 250]]
    runner = runner_of(images, classes=('a', 'b', 'c'), palette=palette)
    hook.before_test(runner)
    hook.after_test_iter(
        runner, 0, None, [sample_of(images[0], box(5) * 0 + 2, box(9))]
    )
    drawn = cv2.imread(str(tmp_path / 'out/a/x.png'))
    blue, green, red = drawn[100, -100]
    assert blue > 100 and max(green, red) < 40


def test_the_ignored_label_is_that_of_the_head(tmp_path, images):
    head = SimpleNamespace(ignore_index=7)
    model = torch.nn.Identity()
    model.decode_head = head
    wrapper = torch.nn.Identity()
    wrapper.module = model  # as for test-time augmentation
    truth = np.full(SIZE, 7, np.uint8)
    drawings = []
    for runner in (runner_of(images, model), runner_of(images, wrapper)):
        hook = DrawingHook(str(tmp_path))
        drawings.append(hook.draw(runner, sample_of(images[0], box(5), truth)))
    unknown = draw_strip(
        Overlay(
            np.full((*SIZE, 3), (30, 20, 10), np.uint8),
            box(5),
            np.full(SIZE, 255, np.uint8),
            '',
        )
    )
    for drawn in drawings:
        np.testing.assert_array_equal(drawn[..., ::-1], unknown)


def test_labels_are_the_class_ids(tmp_path, images):
    hook = PredictionHook(str(tmp_path / 'out'))
    runner = runner_of(images[:1])
    hook.before_test(runner)
    prediction = box(5) * 149
    hook.after_test_iter(runner, 0, None, [sample_of(images[0], prediction)])
    read = cv2.imread(str(tmp_path / 'out/x.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read, prediction)


@pytest.mark.parametrize(
    ('hook', 'option'),
    [(PredictionHook, '--out'), (DrawingHook, '--show-dir')],
)
def test_other_models_are_refused(tmp_path, hook, option):
    hook = hook(str(tmp_path))
    with pytest.raises(ValueError, match=f'{option}: expected label maps'):
        hook.after_test_iter(None, 0, None, [SegDataSample()])


@pytest.mark.parametrize('hook', [PredictionHook, DrawingHook])
def test_a_folder_that_cannot_be_made_fails_before_the_test(tmp_path, hook):
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file'):
        hook(str(tmp_path / 'file')).before_test(runner_of([]))


@pytest.mark.parametrize(
    ('paths', 'names'),
    [
        ([], []),
        (['d/a/1.jpg', 'd/b/2.jpg'], ['1', '2']),
        (['d/a/1.jpg', 'd/b/1.jpg', 'd/b/2.jpg'], ['a/1', 'b/1', 'b/2']),
        (['a/1.jpg', '1.jpg'], ['a/1', '1']),
        (['d/1.jpg', 'd/1.png'], ['1.jpg', '1.png']),
        (['d/a.jpg', 'd/A.jpg'], ['a.jpg', 'A.jpg']),
        (['/d/a/1.jpg', '/d/a/b/1.jpg'], ['1', 'b/1']),
        (['d/1.jpg', 'd/1.jpg'], ['1', '1']),  # the same image twice
    ],
)
def test_names_of_images(paths, names):
    named = name_images(paths)
    assert [named[path] for path in paths] == names


def test_a_data_set_may_keep_no_paths(tmp_path, images):
    class Nameless(DataSet):
        def get_data_info(self, index):
            return {}

    assert paths_of(object()) == []
    assert paths_of(Nameless(images)) == []
    hook = PredictionHook(str(tmp_path))
    assert hook.path_of('a/b/c.jpg') == tmp_path / 'c.png'
