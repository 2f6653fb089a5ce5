"""The ADE20K configs are MMSegmentation's, but for what they say they are."""

from pathlib import Path

import mmseg
import pytest
from meta_models import without_storage
from mmengine.config import Config
from mmengine.registry import init_default_scope

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.registry import MODELS  # noqa: E402

from gps_seg.peft import GPS  # noqa: E402
from gps_seg.sparse import Role, owned_parameters  # noqa: E402

THEIRS = Path(mmseg.__file__).parent / '.mim/configs'
PAIRS = {
    'gps_ade20k.py': 'setr/setr_vit-l_pup_8xb2-160k_ade20k-512x512.py',
    'ade20k/gps_upernet_vit-b16.py': (
        'vit/vit_vit-b16-ln_mln_upernet_8xb2-160k_ade20k-512x512.py'
    ),
}
ENTRIES = {
    'gps_ade20k.py': 222_208,
    'ade20k/gps_upernet_vit-b16.py': 83_712,
}


@pytest.fixture(scope='module')
def configs(repo_dir: Path) -> Path:
    return repo_dir / 'configs'


@pytest.fixture(params=PAIRS)
def pair(request, configs: Path) -> tuple[dict, dict]:
    """Our config and the one of MMSegmentation."""
    theirs = THEIRS / PAIRS[request.param]
    if not theirs.is_file():
        pytest.skip(f'this MMSegmentation has no {theirs}')
    return tuple(
        Config.fromfile(path).to_dict()
        for path in (configs / request.param, theirs)
    )


def test_the_model_is_theirs_with_another_way_to_load_weights(pair) -> None:
    ours, theirs = (config['model'] for config in pair)
    theirs.pop('pretrained')
    for model in (ours, theirs):
        model['backbone'].pop('init_cfg', None)
    assert ours['backbone'].pop('patch_bias') is True
    assert 'patch_bias' not in theirs['backbone']  # so there is none
    assert listed(ours) == listed(theirs)


def listed(value):
    """Tuples as lists; an act_cfg of ReLU, the default, left out."""
    if isinstance(value, dict):
        return {
            key: listed(inner)
            for key, inner in value.items()
            if (key, inner) != ('act_cfg', {'type': 'ReLU'})
        }
    if isinstance(value, list | tuple):
        return [listed(inner) for inner in value]
    return value


def test_the_schedule_is_theirs(pair) -> None:
    ours, theirs = pair
    for key in ('optimizer', 'clip_grad'):
        assert ours['optim_wrapper'].get(key) == theirs['optim_wrapper'].get(
            key
        )
    assert listed(ours['train_cfg']) == listed(theirs['train_cfg'])
    for schedulers in (ours['param_scheduler'], theirs['param_scheduler']):
        for scheduler in schedulers:
            scheduler.setdefault('begin', 0)
    assert ours['param_scheduler'] == theirs['param_scheduler']
    assert ours['auto_scale_lr']['base_batch_size'] == 16
    assert ours['train_dataloader']['batch_size'] == 2
    assert theirs['train_dataloader']['batch_size'] == 2


def test_the_head_learns_ten_times_as_fast_in_setr(configs: Path) -> None:
    ours = Config.fromfile(configs / 'gps_ade20k.py')
    theirs = Config.fromfile(THEIRS / PAIRS['gps_ade20k.py'])
    expected = theirs.optim_wrapper.paramwise_cfg
    assert ours.optim_wrapper.paramwise_cfg == expected
    assert expected.custom_keys['head'].lr_mult == 10


def test_the_pipelines_are_theirs_with_a_check(pair) -> None:
    ours, theirs = pair
    for split in ('train', 'val', 'test'):
        own, other = (
            config[f'{split}_dataloader']['dataset']
            for config in (ours, theirs)
        )
        assert own['data_root'] == other['data_root']
        assert own['data_prefix'] == other['data_prefix']
        steps = [s for s in own['pipeline'] if s['type'] != 'CheckLabels']
        for step in other['pipeline']:
            # Deprecated there; the data set says it.
            step.pop('reduce_zero_label', None)
        assert listed(steps) == listed(other['pipeline'])
        assert {'type': 'CheckLabels', 'num_classes': 150} in own['pipeline']


def test_the_augmented_test_has_their_ratios_of_the_plain_one(pair) -> None:
    ours, theirs = pair
    plain = next(
        step['scale'] for step in ours['test_pipeline'] if 'scale' in step
    )
    scales = [s['scale'] for s in ours['tta_pipeline'][1]['transforms'][0]]
    resizes = theirs['tta_pipeline'][1]['transforms'][0]
    ratios = [resize['scale_factor'] for resize in resizes]
    assert scales == [tuple(int(r * side) for side in plain) for r in ratios]
    assert 1.0 in ratios
    flips = theirs['tta_pipeline'][1]['transforms'][1]
    assert ours['tta_pipeline'][1]['transforms'][1] == flips


# MMSegmentation's own loss says so when it is built.
@pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore`` is False')
@pytest.mark.parametrize('name', ENTRIES)
def test_one_entry_and_one_bias_per_neuron_train(
    configs: Path, name: str
) -> None:
    config = Config.fromfile(configs / name)
    init_default_scope('mmseg')
    with without_storage():
        model = MODELS.build(config.model)
    roles = GPS(k=1).roles(model)
    owned = dict(owned_parameters(model))
    assert owned.keys() == roles.keys()
    neurons = sum(
        owned[name].parameter.shape[0]
        for name, role in roles.items()
        if role is Role.SELECTED
    )
    biases = sum(
        owned[name].parameter.numel()
        for name, role in roles.items()
        if role is Role.WHOLE and name.startswith('backbone.')
    )
    assert neurons == biases == ENTRIES[name]
    outside = [n for n in roles if not n.startswith('backbone.')]
    assert {roles[n] for n in outside} == {Role.WHOLE}


def test_one_gpu_takes_the_same_steps(configs: Path) -> None:
    eight = Config.fromfile(configs / 'gps_ade20k.py')
    one = Config.fromfile(configs / 'ade20k/gps_setr_one_gpu.py')
    per_step = one.optim_wrapper.accumulative_counts
    images = one.train_dataloader.batch_size * per_step
    assert images == eight.train_dataloader.batch_size * 8
    for key in ('max_iters', 'val_interval'):
        assert one.train_cfg[key] == per_step * eight.train_cfg[key]
    (decay,), (reference,) = one.param_scheduler, eight.param_scheduler
    assert decay.end == one.train_cfg.max_iters
    assert {**decay, 'end': reference.end} == reference
    assert one.default_hooks.checkpoint.interval == one.train_cfg.val_interval


def test_the_few_pairs_are_learnt_and_tested(configs: Path) -> None:
    config = Config.fromfile(configs / 'ade20k/overfit_mini.py')
    train, val = (
        config[f'{split}_dataloader'].dataset for split in ('train', 'val')
    )
    assert train.data_root == val.data_root == 'data/ade20k-mini'
    assert train.data_prefix == val.data_prefix
    assert train.num_pairs is None
    assert config.model.decode_head.num_classes == 150
