"""A small real training leaves its environment and pictures behind."""

import copy
import errno
import json

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.hooks import EMAHook
from mmengine.runner import Runner
from mmseg.datasets import BaseSegDataset
from PIL import Image
from torch import nn

from gps_seg.engine import ReportHook
from gps_seg.engine.reporting import examples, report_hook
from gps_seg.engine.reporting.examples import pick_examples
from gps_seg.evaluation import ImageScore
from gps_seg.visualization.plots.scalars import read_history

pytestmark = pytest.mark.usefixtures('coarse_pictures')

SIZE = (40, 48)  # of the files; the model sees 32 x 32


class TinyBackbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, image):
        return (self.norm(self.conv(image)).relu(),)


def tiny_segmentor():
    head = {
        'type': 'FCNHead',
        'in_channels': 8,
        'channels': 8,
        'num_convs': 0,
        'concat_input': False,
        'in_index': 0,
        'num_classes': 2,
        'out_channels': 1,  # a binary head, whose labels are floats
        'threshold': 0.5,
        'norm_cfg': {'type': 'BN'},
        'loss_decode': {
            'type': 'CrossEntropyLoss',
            'use_sigmoid': True,
            'avg_non_ignore': True,
        },
    }
    preprocessor = {
        'type': 'SegDataPreProcessor',
        'mean': [127.0] * 3,
        'std': [60.0] * 3,
        'bgr_to_rgb': True,
        'size': (32, 32),
    }
    return ConfigDict(
        type='EncoderDecoder',
        backbone={'type': TinyBackbone},
        decode_head=head,
        data_preprocessor=preprocessor,
        test_cfg={'mode': 'whole'},
    )


@pytest.fixture(scope='module')
def data_root(tmp_path_factory):
    """Seven images of a red square, which is the mask."""
    root = tmp_path_factory.mktemp('data')
    (root / 'images').mkdir()
    (root / 'masks').mkdir()
    rng = np.random.default_rng(0)
    for index in range(7):
        image = rng.integers(60, 120, (*SIZE, 3)).astype(np.uint8)
        mask = np.zeros(SIZE, np.uint8)
        mask[5 : 12 + 3 * index, 8:30] = 1
        image[mask == 1] = (220, 40, 40)
        Image.fromarray(image).save(root / f'images/{index}.png')
        Image.fromarray(mask).save(root / f'masks/{index}.png')
    return root


def loader(data_root, shuffle):
    dataset = {
        'type': BaseSegDataset,
        'data_root': str(data_root),
        'data_prefix': {'img_path': 'images', 'seg_map_path': 'masks'},
        'img_suffix': '.png',
        'metainfo': {'classes': ('background', 'polyp')},
        'pipeline': [
            {'type': 'LoadImageFromFile'},
            {'type': 'Resize', 'scale': (32, 32)},
            {'type': 'LoadAnnotations'},
            {'type': 'PackSegInputs'},
        ],
    }
    if shuffle:  # while training the mask has the size of the image
        pipeline = dataset['pipeline']
        pipeline[1], pipeline[2] = pipeline[2], pipeline[1]
    return {
        'batch_size': 2,
        'num_workers': 0,
        'sampler': {'type': 'DefaultSampler', 'shuffle': shuffle},
        'dataset': dataset,
    }


def make_runner(work_dir, data_root, *, validate=True, **options):
    validation = {
        'val_dataloader': loader(data_root, shuffle=False),
        'val_cfg': {},
        'val_evaluator': {'type': 'DiceIoUMetric'},
    }
    settings = {
        'train_dataloader': loader(data_root, shuffle=True),
        'train_cfg': {'by_epoch': False, 'max_iters': 6, 'val_interval': 3},
        'optim_wrapper': {'optimizer': {'type': 'Adam', 'lr': 0.05}},
        'log_processor': {'by_epoch': False},
        'default_scope': 'mmseg',
        'default_hooks': {
            'logger': {
                'type': 'LoggerHook',
                'interval': 1,
                'log_metric_by_epoch': False,
            },
            'checkpoint': {
                'type': 'CheckpointHook',
                'by_epoch': False,
                'interval': 3,
            },
        },
        'custom_hooks': [{'type': 'ReportHook'}],
        'visualizer': {
            'type': 'SegLocalVisualizer',
            'vis_backends': [{'type': 'LocalVisBackend'}],
        },
        'randomness': {'seed': 3},
    }
    settings |= (validation if validate else {}) | options
    return Runner(tiny_segmentor(), str(work_dir), **settings)


@pytest.fixture
def rows(monkeypatch):
    """The rows that were last drawn as overlays."""
    drawn = []
    draw = report_hook.plot_overlays

    def remember(overlays, *arguments):
        drawn[:] = overlays
        return draw(overlays, *arguments)

    monkeypatch.setattr(report_hook, 'plot_overlays', remember)
    return drawn


def without_curves(patch):
    """Where nobody looks at them: they take longer than the training."""
    patch.setattr(report_hook, 'plot_curves', lambda *arguments: None)


def written(work_dir):
    return {path.name for path in work_dir.iterdir() if path.is_file()}


def dice_of(row):
    p, t = row.prediction == 1, row.truth == 1
    return 200 * (p & t).sum() / (p.sum() + t.sum())


def shown_dice(row):
    return float(row.title.split()[-1])


def test_a_training_leaves_environment_and_pictures(tmp_path, data_root, rows):
    make_runner(tmp_path, data_root).train()

    assert {'environment.json', 'curves.png', 'overlays.png'} <= written(
        tmp_path
    )
    environment = json.loads((tmp_path / 'environment.json').read_text())
    assert environment['seed'] == 3
    assert environment['num_processes'] == 1
    assert environment['resumed'] is False
    assert environment['seconds'] > 0
    data = {'type': 'BaseSegDataset', 'images': 7}
    assert environment['data'] == {'training': data, 'validation': data}
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert page.count('<img src="data:image/png;base64,') == 2
    assert_rows_show_what_was_scored(rows, data_root)


def assert_rows_show_what_was_scored(rows, data_root):
    groups = [row.title.split()[0] for row in rows]
    assert groups == ['worst'] * 2 + ['median'] * 2 + ['best'] * 2  # of 7
    scores = [shown_dice(row) for row in rows]
    assert scores == sorted(scores) and scores[0] < scores[-1]
    for row in rows:
        assert row.image.shape == (*SIZE, 3)
        assert dice_of(row) == pytest.approx(shown_dice(row), abs=0.051)
        name = row.title.split()[1]
        with Image.open(data_root / f'images/{name}.png') as image:
            np.testing.assert_array_equal(row.image, np.asarray(image))
        with Image.open(data_root / f'masks/{name}.png') as mask:
            np.testing.assert_array_equal(row.truth, np.asarray(mask))


def test_averaged_weights_are_shown_and_taken_out_again(
    tmp_path, data_root, rows, monkeypatch
):
    without_curves(monkeypatch)
    states = []
    report = ReportHook.after_train

    def watch(hook, runner):
        runner.model.train()
        states.append(copy.deepcopy(runner.model.state_dict()))
        report(hook, runner)
        assert runner.model.training
        states.append(copy.deepcopy(runner.model.state_dict()))

    monkeypatch.setattr(ReportHook, 'after_train', watch)
    slow = {'type': EMAHook, 'momentum': 0.1}  # far from the last weights

    make_runner(
        tmp_path, data_root, custom_hooks=[slow, {'type': 'ReportHook'}]
    ).train()

    before, after = states
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert any(shown_dice(row) > 0 for row in rows)
    for row in rows:
        assert dice_of(row) == pytest.approx(shown_dice(row), abs=0.051)


def test_a_resumed_run_draws_its_whole_course(
    tmp_path, data_root, monkeypatch
):
    hooks = [{'type': 'ReportHook', 'num_examples': 0}]
    with monkeypatch.context() as patch:
        without_curves(patch)
        make_runner(tmp_path, data_root, custom_hooks=hooks).train()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_3.pth'))

    runner = make_runner(
        tmp_path,
        data_root,
        custom_hooks=hooks,
        resume=True,
        experiment_name='resumed',
    )
    runner.train()

    assert 'curves.png' in written(tmp_path)
    history = read_history(report_hook.scalar_files(runner))
    assert [line['step'] for line in history.training] == [1, 2, 3, 4, 5, 6]
    environment = json.loads((tmp_path / 'environment.json').read_text())
    assert environment['resumed'] is True


def test_earlier_runs_count_only_for_a_resumed_one(tmp_path):
    class FakeRunner:
        work_dir = tmp_path
        log_dir = tmp_path / '20260102_000000'
        _resume = False

    paths = []
    for day in (1, 2, 3):
        folder = tmp_path / f'2026010{day}_000000' / 'vis_data'
        folder.mkdir(parents=True)
        paths.append(folder / 'scalars.json')
        paths[-1].write_text('')

    assert report_hook.scalar_files(FakeRunner) == [paths[1]]
    FakeRunner._resume = True
    assert report_hook.scalar_files(FakeRunner) == paths[:2]


def test_without_validation_there_are_curves_alone(tmp_path, data_root, rows):
    make_runner(tmp_path, data_root, validate=False).train()

    assert 'curves.png' in written(tmp_path)
    assert 'overlays.png' not in written(tmp_path)


def test_without_scores_images_are_spread_through_the_set(
    tmp_path, data_root, rows, monkeypatch
):
    without_curves(monkeypatch)
    hook = {'type': 'ReportHook', 'num_examples': 1}
    runner = make_runner(
        tmp_path,
        data_root,
        val_evaluator={'type': 'IoUMetric'},
        custom_hooks=[hook],
    )

    runner.train()

    assert [row.title for row in rows] == ['0', '2', '4']  # of 0 to 6


def test_many_classes_are_drawn_in_the_colours_of_the_data_set(
    tmp_path, data_root, monkeypatch
):
    without_curves(monkeypatch)
    told = []
    monkeypatch.setattr(
        report_hook, 'plot_overlays', lambda *given: told.append(given[2])
    )
    colours = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    validation = loader(data_root, shuffle=False)
    validation['dataset']['metainfo'] = {
        'classes': ('background', 'polyp', 'tool'),
        'palette': colours,
    }
    runner = make_runner(
        tmp_path,
        data_root,
        val_dataloader=validation,
        val_evaluator={'type': 'IoUMetric'},
    )

    ReportHook(1).after_train(runner)

    (classes,) = told
    assert classes.names == ('background', 'polyp', 'tool')
    assert [list(colour) for colour in classes.colours] == colours


def test_without_a_local_backend_there_are_no_scalars(tmp_path, data_root):
    visualizer = {'type': 'SegLocalVisualizer', 'vis_backends': []}
    runner = make_runner(tmp_path, data_root, visualizer=visualizer)

    ReportHook(num_examples=0).after_train(runner)

    assert 'curves.png' not in written(tmp_path)


def test_an_evaluation_does_not_describe_itself_as_the_training(
    tmp_path, data_root
):
    make_runner(tmp_path, data_root).val()

    assert 'environment.json' not in written(tmp_path)


def test_full_disk_does_not_end_the_run(tmp_path, data_root, monkeypatch):
    def no_space(*args):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(report_hook, 'plot_curves', no_space)
    runner = make_runner(tmp_path, data_root)

    runner.train()

    assert runner.iter == 6
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'Report: picture not written' in log


def test_a_page_that_cannot_be_written_does_not_end_the_run(
    tmp_path, data_root, monkeypatch
):
    def fail(work_dir):
        raise KeyError('a bug of the page')

    without_curves(monkeypatch)
    monkeypatch.setattr(report_hook, 'write_run_page', fail)
    hooks = [{'type': 'ReportHook', 'num_examples': 0}]
    runner = make_runner(tmp_path, data_root, custom_hooks=hooks)

    runner.train()

    assert runner.iter == 6
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert "page not written ('a bug of the page')" in log
    assert not (tmp_path / 'report.html').exists()


def scores_of(count):
    return [ImageScore(f'{i:02}', float(i), 0.0) for i in range(count)]


@pytest.mark.parametrize(
    ('count', 'expected'),
    [
        (1, {'': [0]}),
        (2, {'': [0, 1]}),
        (3, {'worst': [0], 'median': [1], 'best': [2]}),
        (8, {'worst': [0, 1], 'median': [3, 4], 'best': [6, 7]}),
        (
            20,
            {'worst': [0, 1, 2], 'median': [8, 9, 10], 'best': [17, 18, 19]},
        ),
    ],
)
def test_examples_are_worst_median_and_best(count, expected):
    picked = {}
    for example in pick_examples(scores_of(count)[::-1], 3):
        picked.setdefault(example.group, []).append(int(example.img_path))

    assert picked == expected


@pytest.mark.parametrize('count', range(1, 12))
def test_no_example_comes_twice(count):
    paths = [e.img_path for e in pick_examples(scores_of(count), 3)]

    assert len(set(paths)) == len(paths)


def test_image_that_the_data_set_does_not_know_is_left_out():
    assert examples._index_by_path([1, 2]) == {}


def test_negative_number_of_examples_is_refused():
    with pytest.raises(ValueError, match='num_examples: expected 0 or more'):
        ReportHook(num_examples=-1)
