"""tools/delta.py as a user runs it, on the demo's model."""

import copy
import json
import math
import pickle
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from safetensors.torch import load_file, save_file

import gps_seg.engine  # noqa: F401  registers what the configs name
from gps_seg import __main__ as console
from gps_seg.datasets import PolypDataset
from gps_seg.delta import Delta, DeltaInfo, delta_between
from gps_seg.delta.difference import differences
from gps_seg.engine import launch
from gps_seg.engine.delta_base import base_model
from gps_seg.engine.delta_sweep import sweep
from gps_seg.sparse import Selection

REPO = Path(__file__).resolve().parents[2]
TOOL = str(REPO / 'tools/delta.py')
HEAD = 'decode_head.'
NUM_IMAGES = 3
CONFIG = f"""
_base_ = '{REPO}/configs/demo/gps.py'
load_from = '{{folder}}/base.pth'
test_dataloader = dict(
    batch_size=2, dataset=dict(data_root='{{folder}}', ann_file='test.txt')
)
"""
INFO = DeltaInfo(
    classes=('background', 'polyp'),
    palette=((0, 0, 0), (255, 0, 0)),
    method={'type': 'gps', 'k': 1},
    config='k = 1\n',
    metric={'mDice': 88.25},
)


def tune(base, seed):
    """Selection and weights of a task, by plain indexing: a weight of each
    neuron of the encoder, its biases, and a head of its own."""
    generator = torch.Generator().manual_seed(seed)
    tuned = copy.deepcopy(base)
    indices = {}
    for name, tensor in tuned.items():
        if name.startswith(HEAD) or name.endswith('.bias'):
            noise = torch.rand(tensor.shape, generator=generator)
            tuned[name] = tensor + (0.1 * noise).to(tensor.dtype)
        elif 'layers' in name and tensor.ndim == 2:
            rows, columns = tensor.shape
            column = torch.randint(columns, (rows,), generator=generator)
            indices[name] = torch.arange(rows) * columns + column
            tensor.view(-1)[indices[name]] += 0.05
    shapes = {name: base[name].shape for name in indices}
    return Selection(indices, shapes), tuned


def without_head(state):
    return {n: t for n, t in state.items() if not n.startswith(HEAD)}


class Case:
    """A folder with a base, a config that builds it, two tasks, a test set."""

    def __init__(self, folder):
        self.folder = folder
        self.base = load_file(REPO / 'data/demo/vit-demo_source.safetensors')
        self.base = {
            name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in self.base.items()
        }
        torch.save({'state_dict': self.base}, folder / 'base.pth')
        self.config = folder / 'config.py'
        self.config.write_text(CONFIG.format(folder=folder))
        self.tuned = {}
        for seed, name in enumerate(('one', 'two')):
            selection, tuned = tune(self.base, seed)
            delta = delta_between(
                without_head(self.base), tuned, selection, INFO
            )
            delta.save(folder / f'{name}.safetensors')
            self.tuned[name] = tuned
        self._draw_images()

    def _draw_images(self):
        rng = np.random.default_rng(0)
        for part in ('images', 'masks'):
            (self.folder / part).mkdir()
        ids = [f'image{i}' for i in range(NUM_IMAGES)]
        for name in ids:
            image = rng.integers(0, 255, (112, 112, 3), dtype=np.uint8)
            mask = (image[..., 0] > 100).astype(np.uint8)
            cv2.imwrite(str(self.folder / f'images/{name}.jpg'), image)
            cv2.imwrite(str(self.folder / f'masks/{name}.png'), mask)
        (self.folder / 'test.txt').write_text('\n'.join(ids))

    def __getattr__(self, name):
        """`case.one` is the file of the first task's delta."""
        return self.folder / f'{name}.safetensors'


@pytest.fixture(scope='module')
def case(tmp_path_factory):
    return Case(tmp_path_factory.mktemp('case'))


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the tool in this process; gives status, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', [TOOL, *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(TOOL, run_name='__main__')
        out, err = capsys.readouterr()
        return end.value.code, out, err

    return call


@pytest.fixture
def succeed(run):
    def call(*arguments):
        status, out, err = run(*arguments)
        assert status == 0, err
        return out

    return call


@pytest.fixture
def fail(run):
    """Run the tool; gives the one line that it ends with."""

    def call(*arguments):
        status, _, err = run(*arguments)
        assert status == 1
        assert err.count('\n') == 1, err
        return err

    return call


def assert_same_bits(state, expected):
    assert state.keys() == expected.keys()
    for name, tensor in expected.items():
        assert state[name].dtype == tensor.dtype, name
        assert torch.equal(state[name], tensor), name


def test_the_console_command_finds_it(monkeypatch, capsys, case):
    monkeypatch.setattr(sys, 'path', sys.path.copy())
    monkeypatch.setattr(
        sys, 'argv', ['gps-seg', 'delta', 'info', str(case.one)]
    )
    with pytest.raises(SystemExit, match='0'):
        console.main()
    assert 'classes   background, polyp' in capsys.readouterr().out


def test_info_for_people_and_scripts(succeed, case):
    delta = Delta.load(case.one)
    entries = sum(len(e) for e in delta.selection.values())
    neurons = 4 * (384 + 128 + 512 + 128)  # four blocks of the demo's ViT
    assert entries == neurons

    assert f'{neurons:,}' in succeed('info', case.one)
    facts = json.loads(succeed('info', case.one, '--json'))
    assert facts['tensors']['selected'] == {'tensors': 16, 'entries': neurons}
    assert succeed('info', case.one, '--config') == INFO.config + '\n'


def test_verify_names_what_fits(succeed, case):
    delta = Delta.load(case.one)
    num_old = len(delta.changes) - len(delta.new)

    alone = succeed('verify', case.one)
    by_file = succeed('verify', case.one, '--base', case.folder / 'base.pth')
    by_config = succeed('verify', case.one, '--config', case.config)

    assert 'whole and well-formed' in alone and 'not compared' in alone
    for told, rule in ((by_file, 'not compared'), (by_config, 'shapes fit')):
        assert f'{num_old} tensors have the fingerprint of the base' in told
        assert f'{len(delta.new)} are new in the task ({rule})' in told


def test_verify_takes_an_encoder_alone(succeed, case, tmp_path):
    encoder = {
        name.removeprefix('backbone.'): tensor
        for name, tensor in without_head(case.base).items()
    }
    save_file(encoder, tmp_path / 'encoder.safetensors')

    told = succeed(
        'verify', case.one, '--base', tmp_path / 'encoder.safetensors',
        '--prefix', 'backbone.',
    )  # fmt: skip

    assert 'have the fingerprint of the base' in told


def test_verify_refuses_another_base(fail, case, tmp_path):
    other = dict(case.base)
    name = next(iter(Delta.load(case.one).selection))
    other[name] = other[name] + 1
    torch.save(other, tmp_path / 'other.pth')

    error = fail('verify', case.one, '--base', tmp_path / 'other.pth')

    assert 'got others in 1 of' in error and name in error


def test_verify_refuses_a_config_of_another_model(fail, case, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        case.config.read_text()
        + 'model = dict(decode_head=dict(num_classes=3, out_channels=3))\n'
    )
    error = fail('verify', case.one, '--config', config)
    assert 'num_classes=2' in error

    config.write_text("_base_ = []\nmodel = dict(type='NoSuchThing')\n")
    error = fail('verify', case.one, '--config', config)
    assert 'NoSuchThing' in error and str(config) in error

    config.write_text('x = 1\n')
    assert 'expected a model, got none' in fail(
        'verify', case.one, '--config', config
    )

    config.write_text('x = (\n')
    assert 'SyntaxError' in fail('verify', case.one, '--config', config)


def test_verify_refuses_a_damaged_file(fail, case, tmp_path):
    path = tmp_path / 'damaged.safetensors'
    content = bytearray(case.one.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert 'damaged' in fail('verify', path)


def checkpoint(state, **meta):
    return {
        'meta': {
            'dataset_meta': {
                'classes': ('background', 'polyp'),
                'palette': [[0, 0, 0], [255, 0, 0]],
                'label_map': None,
            },
            'cfg': 'k = 1\n',
            **meta,
        },
        'state_dict': state,
        'gps_seg': {'method': {'type': 'gps', 'k': 1}},
    }


def test_extract_finds_every_entry_that_differs(succeed, case, tmp_path):
    tuned = case.tuned['one']
    torch.save(checkpoint(tuned), tmp_path / 'tuned.pth')
    out = tmp_path / 'new/delta.safetensors'

    told = succeed(
        'extract', case.folder / 'base.pth', tmp_path / 'tuned.pth',
        '--out', out, '--new', 'decode_head',
    )  # fmt: skip

    delta = Delta.load(out)
    assert delta.new == {n for n in tuned if n.startswith(HEAD)}
    total = sum(tuned[name].numel() for name in delta.new)
    for name, tensor in without_head(tuned).items():
        changed = (tensor != case.base[name]).flatten().nonzero().flatten()
        total += len(changed)
        if name in delta.selection:
            assert torch.equal(delta.selection[name], changed)
        else:
            assert (name in delta.changes) == bool(len(changed))
    assert f'{total:,} of {sum(t.numel() for t in tuned.values()):,}' in told
    share = out.stat().st_size / (tmp_path / 'tuned.pth').stat().st_size
    assert f'{share:.2%}' in told
    info = delta.info
    assert (info.classes, info.palette) == (INFO.classes, INFO.palette)
    assert (info.config, info.method) == (INFO.config, INFO.method)


def test_extract_keeps_the_config_that_it_is_given(succeed, case, tmp_path):
    torch.save(checkpoint(case.tuned['one']), tmp_path / 'tuned.pth')
    out = tmp_path / 'delta.safetensors'

    succeed(
        'extract', case.folder / 'base.pth', tmp_path / 'tuned.pth',
        '--out', out, '--config', case.config,
    )  # fmt: skip

    delta = Delta.load(out)
    assert Config.fromstring(delta.info.config, '.py').load_from == str(
        case.folder / 'base.pth'
    )
    assert not delta.new  # without --new the head is compared


def test_extract_takes_a_config_for_the_base(succeed, case, tmp_path):
    torch.save(checkpoint(case.tuned['one']), tmp_path / 'tuned.pth')
    save_file(case.tuned['one'], tmp_path / 'tuned.safetensors')
    for name in ('tuned.pth', 'tuned.safetensors'):
        for base in (case.config, case.folder / 'base.pth'):
            out = tmp_path / f'{name}-{base.stem}.safetensors'
            succeed('extract', base, tmp_path / name, '--out', out)

    by_config, by_file = (
        Delta.load(tmp_path / f'tuned.pth-{base}.safetensors')
        for base in ('config', 'base')
    )
    assert all(row.is_equal for row in differences(by_config, by_file))
    assert by_config.info == by_file.info  # the text in the checkpoint wins
    told = Delta.load(tmp_path / 'tuned.safetensors-config.safetensors').info
    assert 'load_from' in told.config


@pytest.mark.parametrize(
    ('meta', 'classes', 'palette'),
    [
        ({'dataset_meta': None}, (), ()),
        ({'dataset_meta': {'classes': 5, 'palette': 6}}, (), ()),
        (
            {'dataset_meta': {'classes': ('a', 'b'), 'palette': None}},
            ('a', 'b'),
            (),
        ),
        (
            {'dataset_meta': {'classes': ('a',), 'palette': [[1, 2, 3]] * 2}},
            ('a',),
            (),
        ),
        (
            {'dataset_meta': None, 'CLASSES': ['a'], 'PALETTE': [[1, 2, 3]]},
            ('a',),
            ((1, 2, 3),),
        ),
    ],
)
def test_extract_takes_what_metadata_there_is(
    succeed, tmp_path, meta, classes, palette
):
    states = [{'w': torch.zeros(9)}, {'w': torch.arange(9.0)}]
    for name, state in zip(('base', 'tuned'), states, strict=True):
        torch.save(checkpoint(state, **meta), tmp_path / f'{name}.pth')
    out = tmp_path / 'delta.safetensors'

    succeed(
        'extract', tmp_path / 'base.pth', tmp_path / 'tuned.pth', '--out', out
    )

    info = Delta.load(out).info
    assert (info.classes, info.palette) == (classes, palette)


def test_extract_says_what_to_do_with_another_head(fail, tmp_path):
    for name, size in (('base', 150), ('tuned', 2)):
        state = {'fc.w': torch.ones(4), 'decode_head.w': torch.ones(size)}
        save_file(state, tmp_path / f'{name}.safetensors')
    command = [
        'extract', tmp_path / 'base.safetensors',
        tmp_path / 'tuned.safetensors', '--out', tmp_path / 'd.safetensors',
    ]  # fmt: skip

    assert 'add --new decode_head' in fail(*command)
    assert "there are ['decode_head', 'fc']" in fail(
        *command, '--new', 'decode'
    )
    assert not (tmp_path / 'd.safetensors').exists()


def test_merge_writes_what_mmsegmentation_reads(succeed, case, tmp_path):
    out = tmp_path / 'merged.pth'

    succeed('merge', case.config, case.one, '--out', out)

    content = torch.load(out, weights_only=True)
    assert_same_bits(content['state_dict'], case.tuned['one'])
    assert content['meta']['dataset_meta'] == {
        'classes': INFO.classes,
        'palette': [[0, 0, 0], [255, 0, 0]],
    }
    model = init_model(str(case.config), str(out), device='cpu')
    assert model.dataset_meta['classes'] == INFO.classes
    assert_same_bits(model.state_dict(), case.tuned['one'])
    found = inference_model(model, str(case.folder / 'images/image0.jpg'))
    assert found.pred_sem_seg.data.shape == (1, 112, 112)


def test_merge_and_apply_agree(succeed, case, tmp_path):
    merged, applied = tmp_path / 'm.safetensors', tmp_path / 'a.pth'

    succeed('merge', case.config, case.one, '--out', merged)
    succeed('apply', case.folder / 'base.pth', case.one, '--out', applied)

    assert_same_bits(load_file(merged), case.tuned['one'])
    content = torch.load(applied, weights_only=True)
    assert_same_bits(content['state_dict'], case.tuned['one'])
    assert content['meta']['cfg'] == INFO.config


def test_classes_that_a_delta_does_not_know_are_those_of_the_config(
    succeed, case, tmp_path
):
    delta = Delta.load(case.one)
    replace(delta, info=DeltaInfo()).save(tmp_path / 'd.safetensors')
    out = tmp_path / 'merged.pth'

    succeed('merge', case.config, tmp_path / 'd.safetensors', '--out', out)

    meta = torch.load(out, weights_only=True)['meta']['dataset_meta']
    expected = {k: PolypDataset.METAINFO[k] for k in ('classes', 'palette')}
    assert meta == expected


def test_apply_to_an_encoder_alone(succeed, case, tmp_path):
    encoder = {
        name.removeprefix('backbone.'): tensor
        for name, tensor in without_head(case.base).items()
    }
    save_file(encoder, tmp_path / 'encoder.safetensors')

    succeed(
        'apply', tmp_path / 'encoder.safetensors', case.one,
        '--prefix', 'backbone.', '--out', tmp_path / 'tuned.safetensors',
    )  # fmt: skip

    state = load_file(tmp_path / 'tuned.safetensors')
    assert_same_bits(state, case.tuned['one'])


def test_diff_counts_what_is_equal(succeed, case, tmp_path):
    delta = Delta.load(case.one)
    delta.save(tmp_path / 'same.safetensors')
    same = succeed('diff', case.one, tmp_path / 'same.safetensors')
    count = len(delta.changes)
    assert f'{count} of {count} tensors are equal' in same
    assert 'info that differs: none' in same

    info = replace(INFO, metric={})
    delta.restricted(lambda n: n != HEAD + 'conv_seg.bias').save(
        tmp_path / 'less.safetensors'
    )
    replace(delta, info=info).save(tmp_path / 'info.safetensors')
    less = succeed('diff', case.one, tmp_path / 'less.safetensors')
    assert f'{count - 1} of {count} tensors are equal' in less
    told = succeed('diff', case.one, tmp_path / 'info.safetensors')
    assert told.endswith('info that differs: metric\n')


def test_diff_with_a_quantized_delta(succeed, case, tmp_path):
    base = ['--base', case.folder / 'base.pth']
    coarse = tmp_path / 'coarse.safetensors'
    succeed('quantize', case.one, '--bits', 2, '--out', coarse, *base)
    name = 'backbone.patch_embed.projection.bias'

    def largest(told):
        row = next(r for r in told.splitlines() if r.startswith(name))
        return row.split()[-1]

    assert largest(succeed('diff', case.one, coarse)) == '-'
    found = largest(succeed('diff', case.one, coarse, *base))
    succeed('apply', base[1], coarse, '--out', tmp_path / 'c.safetensors')
    rounded = load_file(tmp_path / 'c.safetensors')[name].double()
    gap = (case.tuned['one'][name].double() - rounded).abs().max()
    assert found == f'{gap:.3g}'


def test_combine_is_the_weighted_sum(succeed, case, tmp_path):
    out = tmp_path / 'sum.safetensors'

    succeed(
        'combine', case.one, case.two, '--weights', 0.25, -0.5,
        '--head', case.two, '--config', case.config, '--out', out,
    )  # fmt: skip

    succeed(
        'apply', case.folder / 'base.pth', out, '--out', tmp_path / 'sum.pth'
    )
    state = torch.load(tmp_path / 'sum.pth', weights_only=True)['state_dict']
    for name, base in case.base.items():
        one, two = (case.tuned[task][name] for task in ('one', 'two'))
        if name.startswith(HEAD):
            assert torch.equal(state[name], two)
            continue
        old = base.double()
        mean = old + 0.25 * (one.double() - old) - 0.5 * (two.double() - old)
        torch.testing.assert_close(
            state[name].double(), mean, atol=1e-6, rtol=0
        )
    info = Delta.load(out).info
    assert info.classes == INFO.classes
    assert info.method['weights'] == [0.25, -0.5]
    assert info.metric == {}


def test_combine_scales_one_delta(succeed, case, tmp_path):
    base = ['--base', case.folder / 'base.pth']
    for alpha in (0, 0.5, 1):
        out = tmp_path / f'{alpha}.safetensors'
        succeed('combine', case.one, '--alpha', alpha, *base, '--out', out)
        merged = tmp_path / f'{alpha}.pth'
        succeed('apply', base[1], out, '--out', merged)
        state = torch.load(merged, weights_only=True)['state_dict']
        expected = {
            name: case.base[name] if alpha == 0 else case.tuned['one'][name]
            for name in state
        }
        for name, tensor in state.items():
            if name.startswith(HEAD):
                assert torch.equal(tensor, case.tuned['one'][name])
            elif alpha == 0.5:
                middle = case.base[name].double() + expected[name].double()
                assert torch.equal(tensor, (middle / 2).to(tensor.dtype))
            else:
                assert torch.equal(tensor, expected[name])
    assert Delta.load(tmp_path / '0.5.safetensors').info.method == {
        **INFO.method,
        'alpha': 0.5,
    }


def test_combine_says_what_is_wrong(fail, case, tmp_path):
    def error(*arguments):
        return fail(
            'combine', *arguments, '--base', case.folder / 'base.pth',
            '--out', tmp_path / 'out.safetensors',
        )  # fmt: skip

    pair = (case.one, case.two)
    assert 'expected one for each' in error(*pair, '--weights', 1)
    assert 'expected one delta' in error(*pair, '--alpha', 1)
    assert 'different ones' in error(*pair, '--weights', 1, 1)
    assert '--head: expected one of' in error(
        *pair, '--weights', 1, 1, '--head', tmp_path / 'x.safetensors'
    )
    assert not list(tmp_path.iterdir())


def test_overlap_is_a_table_and_a_picture(succeed, case, tmp_path):
    one, two = (
        {
            (n, i)
            for n, e in Delta.load(path).selection.items()
            for i in e.tolist()
        }
        for path in (case.one, case.two)
    )
    out = tmp_path / 'overlap.png'

    told = succeed('overlap', case.one, case.two, '--out', out)

    total = next(r for r in told.splitlines() if r.startswith('total'))
    share = f'{100 * len(one & two) / len(one | two):.1f}'
    assert total.split()[1:] == [
        f'{len(one):,}', f'{len(one & two):,}', total.split()[3],
        f'{len(one | two):,}', share, '%',
    ]  # fmt: skip
    assert cv2.imread(str(out)).std() > 10
    assert succeed('overlap', case.one, case.two) == told.replace(
        f'\n{out}\n', ''
    )


def test_quantize_makes_files_smaller(succeed, case, tmp_path):
    base = ['--config', case.config]
    sizes = [case.one.stat().st_size]
    for name, options in (
        ('half', ['--half']),
        ('coded', ['--bits', 8, *base]),
        ('both', ['--bits', 2, '--levels', 'uniform', '--half', *base]),
    ):
        out = tmp_path / f'{name}.safetensors'
        told = succeed('quantize', case.one, *options, '--out', out)
        sizes.append(out.stat().st_size)
        assert f'{sizes[-1] / sizes[0]:.1%}' in told
    whole, half, coded, both = sizes
    assert both < half < whole and both < coded < whole

    exact = Delta.load(case.one).changes
    for name, change in Delta.load(
        tmp_path / 'half.safetensors'
    ).changes.items():
        numbers = exact[name].values.numbers
        if numbers.is_floating_point():
            assert torch.equal(change.values.numbers, numbers.half())
    both = Delta.load(tmp_path / 'both.safetensors')
    for name, change in both.changes.items():
        if name in both.new:
            assert change.values.numbers.dtype != torch.float32
        elif change.values.__class__.__name__ == 'Coded':
            assert (change.values.bits, len(change.values.levels)) == (2, 2)


def test_quantize_wants_to_know_how(fail, case, tmp_path):
    out = ['--out', tmp_path / 'out.safetensors']
    assert 'expected --bits, --half' in fail('quantize', case.one, *out)
    assert 'either a file of weights' in fail(
        'quantize', case.one, '--bits', 8, *out
    )
    assert not list(tmp_path.iterdir())


def score_of(config_file, checkpoint, work_dir):
    """Metrics of a full checkpoint by a plain Runner."""
    config = launch.load_config(str(config_file), str(work_dir))
    config.load_from = str(checkpoint)
    config.visualizer.name = str(work_dir)  # a singleton by name
    return launch.build_runner(config).test()


def test_sweep_goes_from_the_base_to_the_tuned_model(succeed, case, tmp_path):
    out = tmp_path / 'sweep.png'

    told = succeed(
        'sweep', case.config, case.one, '--alphas', 0, 0.5, 1, '--out', out,
        '--metric', 'mDice', 'mIoU',
    )  # fmt: skip

    assert sorted(p.name for p in tmp_path.iterdir()) == [
        'sweep.json',
        'sweep.png',
    ]
    assert cv2.imread(str(out)).std() > 10
    content = json.loads((tmp_path / 'sweep.json').read_text())
    scores = {s['alpha']: s['metrics'] for s in content['scores']}
    assert list(scores) == [0, 0.5, 1]
    tuned = case.tuned['one']
    with_head = {
        name: tuned[name] if name.startswith(HEAD) else tensor
        for name, tensor in case.base.items()
    }
    middle = {
        name: ((with_head[name].double() + tuned[name].double()) / 2).to(
            tensor.dtype
        )
        for name, tensor in case.base.items()
    }
    for alpha, state in ((0, with_head), (0.5, middle), (1, tuned)):
        path = tmp_path / f'{alpha}.pth'
        torch.save({'state_dict': state, 'meta': {}}, path)
        expected = score_of(case.config, path, tmp_path / f'run-{alpha}')
        assert scores[alpha] == {n: float(v) for n, v in expected.items()}
    assert len({s['mDice'] for s in scores.values()}) == 3
    assert 'alpha 0.5 (2 of 3): mDice' in told and 'left' in told


def test_sweeps_in_one_process_do_not_meet(case):
    """MMEngine's visualizers and loggers are singletons by name."""
    config = launch.load_config(str(case.config))
    delta = Delta.load(case.one)
    lines = []

    scores = [sweep(config, delta, [1], lines.append)[0] for _ in range(2)]

    assert scores[0] == scores[1]
    assert len(lines) == 2
    assert config.get('experiment_name') is None


def test_sweep_wants_a_test_set_and_alphas(fail, case, tmp_path):
    out = ['--out', tmp_path / 'sweep.png']
    config = tmp_path / 'config.py'
    config.write_text(case.config.read_text() + 'test_evaluator = None\n')
    assert 'got no test_evaluator' in fail('sweep', config, case.one, *out)
    for alphas in ([0, 0], ['nan']):
        assert 'different finite numbers' in fail(
            'sweep', case.config, case.one, '--alphas', *alphas, *out
        )
    assert [p.name for p in tmp_path.iterdir()] == ['config.py']


def test_a_wrong_metric_keeps_the_numbers(fail, case, tmp_path):
    error = fail(
        'sweep', case.config, case.one, '--alphas', 1,
        '--metric', 'mDise', '--out', tmp_path / 'sweep.png',
    )  # fmt: skip
    assert "got ['mDise']" in error
    content = json.loads((tmp_path / 'sweep.json').read_text())
    assert math.isfinite(content['scores'][0]['metrics']['mDice'])


def writing(case, out):
    """Every command that writes, by name, with its arguments."""
    base, config, one = case.folder / 'base.pth', case.config, case.one
    delta, checkpoint = out / 'x.safetensors', out / 'x.pth'
    return {
        'extract': (base, base, '--out', delta),
        'merge': (config, one, '--out', checkpoint),
        'apply': (base, one, '--out', checkpoint),
        'combine': (one, '--alpha', 1, '--base', base, '--out', delta),
        'overlap': (one, one, '--out', out / 'x.png'),
        'quantize': (one, '--half', '--out', delta),
        'sweep': (config, one, '--out', out / 'x.png'),
    }


COMMANDS = (
    'extract', 'merge', 'apply', 'combine', 'overlap', 'quantize', 'sweep',
)  # fmt: skip


@pytest.mark.parametrize('inputs', ['there', 'missing'])
@pytest.mark.parametrize('command', COMMANDS)
def test_no_file_is_overwritten(fail, case, tmp_path, command, inputs):
    """With inputs missing, too: the result is looked at first."""
    if inputs == 'missing':
        gone = tmp_path / 'gone'
        case = SimpleNamespace(folder=gone, config=gone, one=gone)
    *arguments, out = writing(case, tmp_path)[command]
    out.write_bytes(b'precious')

    error = fail(command, *arguments, out)

    assert 'out: expected a new file, got' in error
    assert [p.name for p in tmp_path.iterdir()] == [out.name]
    assert out.read_bytes() == b'precious'


def test_numbers_of_a_sweep_are_not_overwritten(fail, case, tmp_path):
    numbers = tmp_path / 'x.json'
    numbers.write_bytes(b'precious')
    error = fail('sweep', *writing(case, tmp_path)['sweep'])
    assert 'out: expected a new file, got' in error
    assert numbers.read_bytes() == b'precious'


@pytest.mark.parametrize('command', COMMANDS)
def test_names_of_results_end_as_they_should(fail, case, tmp_path, command):
    *arguments, _ = writing(case, tmp_path)[command]
    assert 'ends in .' in fail(command, *arguments, tmp_path / 'x.txt')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    'command', ['info', 'verify', 'diff', 'overlap', 'quantize', 'merge']
)
@pytest.mark.parametrize('kind', ['missing', 'folder', 'other', 'empty'])
def test_what_is_no_delta_is_refused(fail, case, tmp_path, command, kind):
    path = tmp_path / 'bad.safetensors'
    if kind == 'folder':
        path.mkdir()
    elif kind == 'other':
        save_file({'w': torch.ones(2)}, path)
    elif kind == 'empty':
        path.touch()
    before = list(tmp_path.iterdir())
    arguments = {
        'info': (path,),
        'verify': (path,),
        'diff': (case.one, path),
        'overlap': (case.one, path, '--out', tmp_path / 'x.png'),
        'quantize': (path, '--half', '--out', tmp_path / 'x.safetensors'),
        'merge': (case.config, path, '--out', tmp_path / 'x.pth'),
    }

    assert str(path) in fail(command, *arguments[command])

    assert list(tmp_path.iterdir()) == before


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, proof):
        self.proof = str(proof)

    def __reduce__(self):
        return (Path.touch, (Path(self.proof),))


@pytest.mark.parametrize('command', ['extract', 'apply', 'verify', 'merge'])
@pytest.mark.parametrize('form', ['torch', 'pickle'])
def test_no_checkpoint_runs_code(fail, case, tmp_path, command, form):
    bad, proof = tmp_path / 'bad.pth', tmp_path / 'proof'
    content = {'state_dict': case.base, 'meta': Payload(proof)}
    if form == 'torch':
        torch.save(content, bad)
    else:
        bad.write_bytes(pickle.dumps(content, protocol=2))
    config = tmp_path / 'config.py'
    config.write_text(case.config.read_text() + f"load_from = '{bad}'\n")
    out = tmp_path / 'x.safetensors'
    arguments = {
        'extract': (case.folder / 'base.pth', bad, '--out', out),
        'apply': (bad, case.one, '--out', out),
        'verify': (case.one, '--base', bad),
        'merge': (config, case.one, '--out', out),
    }

    fail(command, *arguments[command])

    assert not proof.exists()
    assert not out.exists()


def test_a_config_that_is_not_there(fail, tmp_path, case):
    for command in (
        ('verify', case.one, '--config', tmp_path / 'no.py'),
        ('merge', tmp_path / 'no.py', case.one, '--out', tmp_path / 'x.pth'),
    ):
        assert 'no.py' in fail(*command)


def test_the_base_is_that_of_a_training(case):
    """`load_from` counts, and where there is none, `init_cfg` does."""
    config = launch.load_config(str(case.config))
    assert_same_bits(base_model(config).state_dict(), case.base)
    encoder = {
        name.removeprefix('backbone.'): tensor
        for name, tensor in without_head(case.base).items()
    }
    path = case.folder / 'init.safetensors'
    save_file(encoder, path)
    config.load_from = None
    config.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=str(path)
    )
    built = without_head(base_model(config).state_dict())
    assert_same_bits(built, without_head(case.base))


@pytest.mark.parametrize('arguments', [(), ('unknown',), ('info',)])
def test_wrong_usage_is_status_2(run, arguments):
    status, _, err = run(*arguments)
    assert status == 2
    assert 'usage: delta.py' in err
