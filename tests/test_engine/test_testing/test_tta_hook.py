"""Test-time augmentation: the average it promises, and what it refuses."""

import copy

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from small_segmentor import HEIGHT, WIDTH, make_delta, write_config
from torch import nn

from gps_seg.engine import AugmentedTestHook, build_tuned, set_tta
from gps_seg.runs import launch

RATIOS = (0.5, 1.0, 1.5)
NATIVE = (20, 30)  # height, width of the files
NAMES = ('a', 'b')
TTA = [
    {'type': 'LoadImageFromFile'},
    {
        'type': 'TestTimeAug',
        'transforms': [
            [
                {
                    'type': 'Resize',
                    'scale': (int(WIDTH * ratio), int(HEIGHT * ratio)),
                    'keep_ratio': False,
                }
                for ratio in RATIOS
            ],
            [
                {'type': 'RandomFlip', 'prob': p, 'direction': 'horizontal'}
                for p in (0.0, 1.0)
            ],
            [{'type': 'LoadAnnotations'}],
            [{'type': 'PackSegInputs'}],
        ],
    },
]


@pytest.fixture(scope='module')
def task(tmp_path_factory):
    """Config, base weights, a delta, the merged model, and two pairs."""
    folder = tmp_path_factory.mktemp('task')
    path = write_config(folder)
    config = Config.fromfile(path)
    make_delta(config).save(folder / 'delta.safetensors')
    tuned = build_tuned(config, folder / 'delta.safetensors')
    torch.save({'state_dict': tuned.state_dict()}, folder / 'merged.pth')
    rng = np.random.default_rng(3)
    for name in NAMES:
        for kind, suffix, shape, top in (
            ('images', 'jpg', (*NATIVE, 3), 256),
            ('masks', 'png', NATIVE, 2),
        ):
            file = folder / f'{kind}/{name}.{suffix}'
            file.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(file), rng.integers(0, top, shape, np.uint8))
    (folder / 'splits').mkdir()
    (folder / 'splits/val.txt').write_text('\n'.join(NAMES))
    return folder


@pytest.fixture
def config(task):
    """As a user's config that can be tested with augmentation."""
    config = Config.fromfile(task / 'small.py')
    dataset = config.test_dataloader.dataset
    dataset.update(data_root=str(task), pipeline=config.test_pipeline)
    config.test_dataloader.update(
        batch_size=1,
        num_workers=0,
        sampler={'type': 'DefaultSampler', 'shuffle': False},
    )
    config.test_cfg = {'type': 'TestLoop'}
    config.test_evaluator = {'type': 'DiceIoUMetric'}
    config.tta_pipeline = TTA
    config.visualizer = None
    for unused in ('val_dataloader', 'train_dataloader'):
        config.pop(unused)
    return config


def run(config, weights, tmp_path):
    """Predicted labels by name, from the files that the test leaves."""
    config.work_dir = str(tmp_path / 'run')
    out = tmp_path / 'labels'
    launch.prepare_test(config, str(weights), str(out), None)
    set_tta(config)
    runner = launch.build_runner(config)
    metrics = runner.test()
    labels = {n: cv2.imread(str(out / f'{n}.png'), -1) for n in NAMES}
    return runner, metrics, labels


def upsampled(logits, size):
    return nn.functional.interpolate(
        logits, size, mode='bilinear', align_corners=False
    )


@torch.no_grad()
def probability(model, config, file):
    """Mean probability over scales and flips, by its definition."""
    processor = config.model.data_preprocessor
    mean, std = (
        torch.tensor(processor[key]).view(3, 1, 1) for key in ('mean', 'std')
    )
    image = cv2.imread(str(file))
    results = []
    for ratio in RATIOS:
        size = (int(HEIGHT * ratio), int(WIDTH * ratio))
        for flipped in (False, True):
            pixels = cv2.resize(image, size[::-1])[..., ::-1]  # RGB
            if flipped:
                pixels = pixels[:, ::-1]
            x = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()
            x = ((x - mean) / std)[None]
            logits = upsampled(model(x, mode='tensor'), size)
            if flipped:
                logits = logits.flip(3)
            results.append(upsampled(logits, NATIVE).softmax(1)[0])
    return torch.stack(results).mean(0)


# MMSegmentation's wrapper gives (height, width), and is told so.
@pytest.mark.filterwarnings('ignore:The shape of value will convert')
@pytest.mark.parametrize('weights', ['delta.safetensors', 'merged.pth'])
def test_probabilities_are_averaged(
    task, config, weights, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    plain = copy.deepcopy(config)
    runner, metrics, labels = run(config, task / weights, tmp_path)
    model = build_tuned(plain, task / 'delta.safetensors')
    both = predicted = true = 0
    for name in NAMES:
        p = probability(model, plain, task / f'images/{name}.jpg')
        sure = (p[1] - p[0]).abs() > 1e-4
        assert sure.float().mean() > 0.95
        expected = p.argmax(0).numpy().astype(np.uint8)
        np.testing.assert_array_equal(labels[name][sure], expected[sure])
        assert 0 < expected.mean() < 1
        mask = cv2.imread(str(task / f'masks/{name}.png'), -1)
        both += np.sum((labels[name] == 1) & (mask == 1))
        predicted += np.sum(labels[name] == 1)
        true += np.sum(mask == 1)
    dice = 200 * both / (predicted + true)
    assert metrics['Dice.polyp'] == pytest.approx(dice)
    # The runner has its plain model again.
    assert runner.model.state_dict().keys() == model.state_dict().keys()


def test_the_config_keeps_its_hooks_and_pipelines(config):
    config.custom_hooks = [{'type': 'EMAHook'}]
    set_tta(config)
    assert [h.type for h in config.custom_hooks] == [
        'EMAHook',
        'AugmentedTestHook',
    ]
    assert config.custom_hooks[1].model == {'type': 'SegTTAModel'}
    dataset = config.test_dataloader.dataset
    assert dataset.pipeline == config.tta_pipeline
    assert dataset.pipeline is not config.tta_pipeline


def test_a_wrapper_of_the_config_is_used(config):
    config.tta_model = {'type': 'MyTTAModel', 'weight': 2}
    set_tta(config)
    assert config.custom_hooks[-1].model.weight == 2
    assert 'module' not in config.tta_model


@pytest.mark.parametrize(
    ('pipeline', 'got'),
    [
        (None, 'no tta_pipeline'),
        ([{'type': 'LoadAnnotations'}, {'type': 'Pad'}], 'LoadAnnotations, P'),
    ],
)
def test_without_augmentations_it_is_refused(config, pipeline, got):
    config.tta_pipeline = pipeline
    with pytest.raises(ValueError, match=f"a 'TestTimeAug'.* got {got}"):
        set_tta(config)


def test_a_wrapped_data_set_is_refused(config):
    config.test_dataloader.dataset = {'type': 'ConcatDataset', 'datasets': []}
    with pytest.raises(ValueError, match=r"the keys \['datasets', 'type'\]"):
        set_tta(config)


class Segmentor(BaseModel):
    out_channels = 2

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return inputs


def test_the_wrapper_of_several_processes_is_taken_off():
    class Runner:
        model = nn.DataParallel(Segmentor())

    distributed = Runner.model
    hook = AugmentedTestHook({'type': 'mmseg.SegTTAModel'})
    hook.before_test(Runner)
    assert Runner.model.module is distributed.module
    assert Runner.model.module.out_channels == 2
    hook.after_test(Runner)
    assert Runner.model is distributed
