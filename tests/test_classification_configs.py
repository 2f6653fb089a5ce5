"""The configs of classification: the paper's settings, and models that run.

No large model is built: what the leaves say is compared with a table, and one
small model of each backbone is trained for a step.
"""

from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmpretrain.registry import DATASETS, MODELS, TRANSFORMS  # noqa: E402
from mmpretrain.structures import DataSample  # noqa: E402

import gps_seg.datasets  # noqa: E402, F401  registers the data sets
from gps_seg.datasets.classification import VTAB_TASKS  # noqa: E402
from gps_seg.peft import (  # noqa: E402
    GPS,
    METHODS,
    Linear,
    build_method,
    weights_to_select,
)
from gps_seg.runs.counting.shapes import model_of_shapes  # noqa: E402
from gps_seg.sparse import Role  # noqa: E402

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
RIVALS = ('linear', 'bias', 'full', 'gps_contrastive', 'gps_random')
BACKBONES = ('vit-b16', 'swin-b', 'convnext-b')

# Of the released scripts: batch, rate, k, drop path, momentum of the average.
FGVC = {
    'cub': (32, 3e-3, 2, 0.0, 2e-4),
    'nabirds': (32, 1e-4, 20, 0.1, 2e-4),
    'flowers': (32, 1e-3, 1, 0.1, 1e-2),
    'dogs': (64, 1e-4, 1, 0.0, 2e-4),
    'cars': (32, 5e-4, 15, 0.0, 2e-4),
}
# Batch, rate, drop path.
VTAB = {
    'caltech101': (16, 2e-3, 0.0),
    'cifar': (32, 1e-2, 0.0),
    'clevr_count': (16, 3e-4, 0.1),
    'clevr_dist': (16, 2e-3, 0.1),
    'diabetic_retinopathy': (32, 2e-3, 0.2),
    'dmlab': (16, 1.5e-3, 0.1),
    'dsprites_loc': (32, 7e-3, 0.0),
    'dsprites_ori': (16, 5e-4, 0.2),
    'dtd': (16, 2e-3, 0.0),
    'eurosat': (16, 2e-3, 0.0),
    'kitti': (16, 1e-3, 0.0),
    'oxford_flowers102': (16, 2e-3, 0.0),
    'oxford_iiit_pet': (32, 3e-3, 0.0),
    'patch_camelyon': (32, 4e-3, 0.0),
    'resisc45': (16, 1.5e-3, 0.1),
    'smallnorb_azi': (32, 3e-3, 0.1),
    'smallnorb_ele': (32, 3e-4, 0.2),
    'sun397': (16, 2.5e-3, 0.0),
    'svhn': (32, 5e-3, 0.0),
}


@pytest.fixture(scope='module')
def configs():
    """All of them, read once."""
    return {
        f'{folder}/{path.stem}': Config.fromfile(path)
        for folder in ('fgvc', 'vtab', 'flowers')
        for path in sorted((CONFIGS / folder).glob('*.py'))
    }


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmpretrain')


def settings(config):
    return (
        config.train_dataloader.batch_size,
        config.optim_wrapper.optimizer.lr,
        config.model.backbone.drop_path_rate,
    )


def method(config):
    return config.custom_hooks[0].method


def classes_of(config):
    """By the table of the data set that the config trains on."""
    data = config.train_dataloader.dataset
    if data.type == 'VTAB1k':
        return VTAB_TASKS[data.task].num_classes
    return DATASETS.get(data.type).facts.num_classes


def test_there_is_a_config_for_every_set(configs):
    assert set(configs) == {
        *(f'fgvc/gps_{b}_{name}' for b in BACKBONES for name in FGVC),
        *(f'vtab/gps_vit-b16_{task}' for task in VTAB_TASKS),
        *(
            f'flowers/{split}{kind}'
            for split in ('', 'vtab_')
            for kind in ('gps', *RIVALS)
        ),
    }


def test_fgvc_has_the_settings_of_the_paper(configs):
    for backbone in BACKBONES:
        for name, (batch, lr, k, drop, momentum) in FGVC.items():
            config = configs[f'fgvc/gps_{backbone}_{name}']
            assert settings(config) == (batch, lr, drop)
            assert method(config) == {'type': 'gps', 'k': k}
            assert config.custom_hooks[1] == {
                'type': 'EMAHook',
                'momentum': momentum,
            }


def test_vtab_has_the_settings_of_the_paper(configs):
    for task, expected in VTAB.items():
        config = configs[f'vtab/gps_vit-b16_{task}']
        assert settings(config) == expected
        k = 2 if task == 'patch_camelyon' else 1
        assert method(config) == {'type': 'gps', 'k': k}
        assert len(config.custom_hooks) == 1  # no averaging
        assert config.test_dataloader.dataset.task == task


def test_the_recipe_of_both_is_that_of_the_paper(configs):
    for name, config in configs.items():
        if name.startswith('flowers'):
            continue
        assert config.train_cfg == {
            'type': 'EpochBasedTrainLoop',
            'max_epochs': 100,
        }
        assert config.optim_wrapper.optimizer.type == 'Adam'
        assert config.optim_wrapper.optimizer.weight_decay == 0
        assert config.custom_hooks[0].loss == {
            'type': 'contrastive',
            'temperature': 0.07,
        }
        views = [t.type for t in config.custom_hooks[0].pipeline]
        assert views[1:-1] == [
            *('RandomResizedCrop', 'RandomFlip'),
            *('RandomApply', 'RandomGrayscale'),
        ]
        train = [t.type for t in config.train_dataloader.dataset.pipeline]
        loss = config.model.head.loss
        if name.startswith('fgvc'):
            assert 'RandomResizedCrop' in train and 'RandomFlip' in train
            assert loss.label_smooth_val == 0.1
            assert [a.type for a in config.model.train_cfg.augments] == [
                *('Mixup', 'CutMix')
            ]
            assert [a.alpha for a in config.model.train_cfg.augments] == [
                *(0.8, 1.0)
            ]
        else:
            assert train == ['LoadImageFromFile', 'Resize', 'PackInputs']
            assert loss.type == 'CrossEntropyLoss'
            assert 'train_cfg' not in config.model


def test_head_and_data_agree_in_their_classes(configs):
    for config in configs.values():
        number = classes_of(config)
        assert config.model.head.num_classes == number
        if 'train_cfg' in config.model:  # mixup makes one-hot labels
            assert config.model.data_preprocessor.num_classes == number


def test_training_and_test_are_of_one_set_and_nothing_is_validated(configs):
    for name, config in configs.items():
        train = config.train_dataloader.dataset.to_dict()
        test = config.test_dataloader.dataset.to_dict()
        for data in (train, test):
            data.pop('pipeline')
        assert test.pop('split') == 'test'
        assert train.pop('split') == (
            'train800val200'
            if 'vtab' in name
            else 'trainval'
            if train['type'] == 'OxfordFlowers'
            else 'train'
        )
        assert train == test
        assert not {'val_cfg', 'val_dataloader', 'val_evaluator'} & set(config)
        assert 'save_best' not in config.default_hooks.checkpoint


def test_the_size_of_gps_is_that_of_the_released_scripts(configs):
    """ViT-B/16 has 83,712 neurons; heads have 769 weights for each class."""
    trained = [
        83_712 * (method(c).k + 1) + 769 * c.model.head.num_classes
        for c in (configs[f'fgvc/gps_vit-b16_{name}'] for name in FGVC)
    ]
    assert round(sum(trained) / len(trained)) == 917_073


def test_every_pipeline_builds(configs):
    kinds = {}
    for config in configs.values():
        for pipeline in (
            config.train_dataloader.dataset.pipeline,
            config.test_dataloader.dataset.pipeline,
            config.custom_hooks[0].get('pipeline', []),
        ):
            kinds[str(pipeline)] = pipeline
    assert len(kinds) == 5 + 2 + 1  # of data, of views, none
    for pipeline in kinds.values():
        for transform in pipeline:
            TRANSFORMS.build(transform)


@pytest.mark.parametrize('split', ['', 'vtab_'])
@pytest.mark.parametrize(
    'rival', ['linear', 'bias', 'full', 'gps_contrastive']
)
def test_rivals_differ_from_gps_in_method_and_rate_alone(
    configs, split, rival
):
    both = []
    for name in ('gps', rival):
        config = configs[f'flowers/{split}{name}'].to_dict()
        config.pop('custom_hooks')
        config['optim_wrapper'].pop('paramwise_cfg')
        config['optim_wrapper']['optimizer'].pop('lr')
        both.append(config)
    assert both[0] == both[1]


@pytest.mark.parametrize('split', ['', 'vtab_'])
@pytest.mark.parametrize('kind', ['gps', *RIVALS])
def test_every_rate_is_that_of_something_that_trains(configs, split, kind):
    """Else training by the shipped config warns of the config."""
    config = configs[f'flowers/{split}{kind}']
    roles = build_method(method(config), METHODS).roles(
        model_of_shapes(config)
    )
    trained = [name for name, role in roles.items() if role != Role.FROZEN]
    keys = config.optim_wrapper.paramwise_cfg.custom_keys
    assert all(any(key in name for name in trained) for key in keys)


# Backbones as small as their code allows, with the width of the head.
SMALL = {
    'vit-b16': (
        dict(
            arch=dict(
                embed_dims=16,
                num_layers=2,
                num_heads=2,
                feedforward_channels=32,
            ),
            img_size=32,
        ),
        16,
    ),
    'swin-b': (
        dict(
            arch=dict(
                embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2]
            ),
            img_size=32,
            window_size=1,
        ),
        64,
    ),
    'convnext-b': (
        dict(arch=dict(depths=[1, 1, 1, 1], channels=[8, 8, 16, 24])),
        24,
    ),
}


def small_model(configs, backbone):
    model = configs[f'fgvc/gps_{backbone}_cub'].model.to_dict()
    settings, width = SMALL[backbone]
    model['backbone'].pop('init_cfg')
    model['backbone'] |= settings
    model['head']['in_channels'] = width
    model = MODELS.build(model)
    model.init_weights()
    return model


@pytest.mark.parametrize('backbone', BACKBONES)
def test_the_task_loss_reaches_every_connection(configs, backbone):
    """With mixed images and labels; a head of zeros would stop it."""
    model = small_model(configs, backbone)
    batch = {
        'inputs': list(torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)),
        'data_samples': [DataSample().set_gt_label(n) for n in range(4)],
    }
    data = model.data_preprocessor(batch, training=True)
    assert data['data_samples'][0].gt_score.shape == (200,)
    loss = sum(model(**data, mode='loss').values())
    loss.backward()
    weights = weights_to_select(model, GPS(k=1).roles(model))
    assert weights
    for name, owned in weights.items():
        assert owned.parameter.grad.count_nonzero() > 0, name


@pytest.mark.parametrize('backbone', BACKBONES)
def test_the_head_lies_outside_the_encoder(configs, backbone):
    model = small_model(configs, backbone)
    for kind in (Linear(), GPS(k=1)):
        roles = kind.roles(model)
        outside = {n for n in roles if not n.startswith('backbone.')}
        assert outside == {'head.fc.weight', 'head.fc.bias'}
        assert {roles[name] for name in outside} == {Role.WHOLE}
    roles = Counter(Linear().roles(model).values())
    assert roles[Role.WHOLE] == 2 and roles[Role.SELECTED] == 0


def test_vit_b16_has_the_neurons_of_the_paper(configs):
    model = configs['vtab/gps_vit-b16_cifar'].model.to_dict()
    model['backbone'].pop('init_cfg')
    with torch.device('meta'):
        model = MODELS.build(model)
    weights = weights_to_select(model, GPS(k=1).roles(model))
    neurons = sum(len(owned.parameter) for owned in weights.values())
    assert neurons == 83_712
    assert sum(p.numel() for p in model.head.parameters()) == 769 * 100
