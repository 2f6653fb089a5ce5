"""Every config under configs/ can be read, built and selected in."""

from pathlib import Path

import pytest
from meta_models import without_storage
from mmengine.config import Config
from mmengine.registry import HOOKS, OPTIM_WRAPPERS, init_default_scope
from small_sam import needs_transformers
from timm_models import needs_timm

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.registry import DATASETS, METRICS, MODELS, TRANSFORMS  # noqa: E402

from gps_seg.datasets.corruptions import (  # noqa: E402
    CORRUPTIONS,
    SEVERITIES,
)
from gps_seg.peft import METHODS, build_method  # noqa: E402
from gps_seg.sparse import Role  # noqa: E402

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
# Those of classification have a test of their own.
ELSEWHERE = {'_base_', 'fgvc', 'flowers', 'vtab'}
LEAVES = sorted(
    path
    for path in CONFIGS.rglob('*.py')
    if not ELSEWHERE & {*path.parts, path.stem}
)


def needs_a_library(path):
    """Mark a config whose model has a part of an optional library."""
    name = str(path.relative_to(CONFIGS))
    return pytest.mark.optional if 'sam' in name or 'timm' in name else ()


def names(paths):
    return [str(path.relative_to(CONFIGS)) for path in paths]


def own_rates(config):
    """Parts of names by which parameters have a rate of their own."""
    by_name = config.optim_wrapper.get('paramwise_cfg', {})
    return by_name.get('custom_keys', {})


def test_the_main_configs_are_among_them():
    assert {'gps_kvasir.py', 'kvasir/bias.py', 'demo/gps.py'} <= set(
        names(LEAVES)
    )


# MMSegmentation's own loss says so when it is built.
@pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore`` is False')
@pytest.mark.parametrize(
    'path',
    [pytest.param(path, marks=needs_a_library(path)) for path in LEAVES],
    ids=names(LEAVES),
)
def test_config_builds(path):
    config = Config.fromfile(path)  # runs custom_imports
    init_default_scope(config.default_scope)
    config.model.backbone.pop('init_cfg', None)
    if config.model.decode_head.type == 'SAMHead':
        needs_transformers()
    if config.model.backbone.type == 'TimmFeatures':
        needs_timm()
    with without_storage():
        model = MODELS.build(config.model)
    for hook in config.get('custom_hooks') or []:
        built = HOOKS.build(hook)
        roles = built.method.roles(model)
        assert roles.keys() == dict(model.named_parameters()).keys()
        trained = [n for n, role in roles.items() if role is not Role.FROZEN]
        assert all(any(k in n for n in trained) for k in own_rates(config))
    assert config.optim_wrapper.type in OPTIM_WRAPPERS
    for split in ('train', 'val', 'test'):
        dataset = config[f'{split}_dataloader'].dataset
        assert DATASETS.get(dataset.type) is not None
        for transform in dataset.pipeline:
            TRANSFORMS.build(transform)
    assert METRICS.build(config.val_evaluator) is not None


@pytest.mark.parametrize('path', LEAVES, ids=names(LEAVES))
def test_the_docstring_says_how_to_run_or_what_it_is_beside(path):
    source = path.read_text()
    assert source.startswith('"""')
    docstring = source.split('"""')[1]
    assert 'python tools/' in docstring or '_base_ = ' in source


@pytest.mark.parametrize('rival', ['linear', 'bias', 'full', 'gps_random'])
def test_rivals_differ_from_gps_in_method_and_rate_alone(rival):
    gps = Config.fromfile(CONFIGS / 'gps_kvasir.py').to_dict()
    other = Config.fromfile(CONFIGS / 'kvasir' / f'{rival}.py').to_dict()
    for config in (gps, other):
        config.pop('custom_hooks')
        config['optim_wrapper'].pop('paramwise_cfg', None)
        config['optim_wrapper']['optimizer'].pop('lr')
    assert gps == other


STUDIES = sorted((CONFIGS / 'studies').glob('*_[0-9]*.py'))


def loaders(config):
    return {
        name: config[f'{name}_dataloader'].dataset
        for name in ('train', 'val', 'test')
    }


def resizes(pipeline):
    return [step.scale for step in pipeline if step.type == 'Resize']


@pytest.mark.parametrize('path', STUDIES, ids=names(STUDIES))
def test_a_study_has_one_size_throughout(path):
    side = int(path.stem.rpartition('_')[2])
    size = (side, side)
    config = Config.fromfile(path)
    assert config.model.backbone.img_size == size
    assert config.model.data_preprocessor.size == size
    sets = [*loaders(config).values(), *config.unseen.values()]
    for dataset in sets:
        assert resizes(dataset.pipeline) == [size]
    assert config.tta_pipeline[1].transforms[0][0].scale == size
    assert '252' not in str(config.to_dict()) or side == 252


@pytest.mark.parametrize('kind', ['kvasir', 'tune', 'confirm', 'clinicdb'])
def test_studies_of_one_kind_differ_in_size_alone(kind):
    texts = set()
    for side in (98, 168, 252):
        config = Config.fromfile(CONFIGS / f'studies/{kind}_{side}.py')
        text = str(config.to_dict())
        texts.add(text.replace(f'({side}, {side})', 'SIZE'))
    assert len(texts) == 1


@pytest.mark.parametrize(
    ('study', 'train', 'scored'),
    [
        ('kvasir', 'train', 'val'),
        ('tune', 'tune_train', 'tune_val'),
        ('confirm', 'confirm_train', 'confirm_val'),
        ('clinicdb', 'train', 'val'),
    ],
)
def test_the_lists_of_a_study(study, train, scored):
    config = Config.fromfile(CONFIGS / 'studies' / f'{study}_98.py')
    lists = {name: data.ann_file for name, data in loaders(config).items()}
    assert lists == {
        'train': f'splits/{train}.txt',
        'val': f'splits/{scored}.txt',
        'test': f'splits/{scored}.txt',
    }
    folder = 'cvc-clinicdb' if study == 'clinicdb' else 'kvasir-seg'
    for data in loaders(config).values():
        assert data.data_root == f'data/{folder}'


def test_unseen_sets_end_as_the_validation_does():
    config = Config.fromfile(CONFIGS / 'studies/kvasir_98.py')
    assert list(config.unseen) == [
        'clinicdb',
        'blur',
        'noise',
        'brightness',
        'jpeg',
    ]
    expected = config.val_dataloader.dataset
    for name, data in config.unseen.items():
        first, *steps = data.pipeline
        if name == 'clinicdb':
            assert data.ann_file == 'splits/all.txt'
        else:
            assert data.ann_file == expected.ann_file
            assert data.data_root == expected.data_root
            damage = steps.pop(0)
            assert damage == dict(type='Corrupt', kind=name, severity=3)
        assert [first, *steps] == expected.pipeline
    assert Config.fromfile(CONFIGS / 'studies/tune_98.py').unseen == {}
    seen = Config.fromfile(CONFIGS / 'studies/clinicdb_98.py').unseen
    assert seen == {'kvasir': expected}


def test_damaged_copies_have_every_kind_and_severity():
    config = Config.fromfile(CONFIGS / 'studies/severities_kvasir.py')
    expected = config.test_dataloader.dataset
    found = set()
    for name, data in config.unseen.items():
        first, damage, *steps = data.pipeline
        assert name == f'{damage.kind}-{damage.severity}'
        found.add((damage.kind, damage.severity))
        TRANSFORMS.build(damage)
        assert dict(data, pipeline=[first, *steps]) == {
            **dict(type=data.type, data_root=expected.data_root),
            **dict(ann_file=expected.ann_file, pipeline=expected.pipeline),
        }
    assert found == {
        (kind, severity) for kind in CORRUPTIONS for severity in SEVERITIES
    }


METHOD_BASES = sorted((CONFIGS / '_base_/peft').glob('*.py'))


@pytest.mark.parametrize('path', METHOD_BASES, ids=names(METHOD_BASES))
def test_a_base_of_a_method_sets_the_hook_alone(path):
    config = Config.fromfile(path)
    (hook,) = config.pop('custom_hooks')
    assert config.to_dict() == {}
    method = HOOKS.build(hook).method
    assert path.stem.startswith(hook.method.type)
    assert method == build_method(hook.method, METHODS)


@pytest.mark.optional
def test_sam_trains_what_the_paper_trains_but_for_the_norms():
    """83,712 rows of linear layers and patches, 512 of the neck.

    The paper counts 84,224 biases: it adds those of the two norms of the
    neck, 512, by their names. The mask decoder without what is unused trains.
    """
    needs_transformers()
    config = Config.fromfile(CONFIGS / 'gps_sam_kvasir.py')
    init_default_scope(config.default_scope)
    with without_storage():
        model = MODELS.build(config.model)
    method = HOOKS.build(config.custom_hooks[0]).method
    roles = method.roles(model)
    encoder = {
        name: parameter
        for name, parameter in model.named_parameters()
        if name.startswith('backbone.')
    }
    rows = {
        name: parameter.shape[0]
        for name, parameter in encoder.items()
        if roles[name] is Role.SELECTED
    }
    assert sum(rows.values()) == 83_712 + 512
    assert sum(n for name, n in rows.items() if 'reduction' in name) == 512
    whole = {n for n, role in roles.items() if role is Role.WHOLE}
    assert sum(encoder[n].numel() for n in whole & encoder.keys()) == 83_712
    head = model.decode_head
    trained = sum(
        parameter.numel()
        for name, parameter in head.named_parameters()
        if f'decode_head.{name}' in whole
    )
    assert sum(p.numel() for p in head.parameters()) == 4_058_340 + 256
    unused = 256 * 256 * 2 + 256 * 4 + 256 * 2 + 4  # quality of four masks
    unused += 3 * (256 * 256 * 2 + 256 * 32 + 256 * 2 + 32)  # other masks
    assert trained == 4_058_340 + 256 - unused
