"""delta.py on deltas that add modules to the model."""

import json

import pytest
import torch
from added_tasks import (
    QKV,
    assert_close,
    delta_by_adding,
    folded_by_hand,
)
from demo_tasks import HEAD, INFO, assert_same_bits, without_head
from safetensors.torch import load_file

from gps_seg.delta import Delta, apply
from gps_seg.runs.deltas.base import base_model
from gps_seg.runs.launch import load_config

KINDS = ('low_rank', 'bottleneck', 'prompts')


@pytest.fixture(scope='module')
def base(case):
    return base_model(load_config(str(case.config)))


@pytest.fixture(scope='module')
def added(base, tmp_path_factory):
    """Files of deltas and their tuned models, by kind."""
    folder = tmp_path_factory.mktemp('added')
    made = {}
    for kind in KINDS:
        delta, tuned = delta_by_adding(base, kind, INFO)
        delta.save(folder / f'{kind}.safetensors')
        made[kind] = folder / f'{kind}.safetensors', tuned
    return made


def test_merge_and_apply_fold_what_is_added(succeed, case, added, tmp_path):
    path, tuned = added['low_rank']
    merged, applied = tmp_path / 'm.safetensors', tmp_path / 'a.safetensors'
    succeed('merge', case.config, path, '--out', merged)
    succeed('apply', case.folder / 'base.pth', path, '--out', applied)
    assert_close(load_file(merged), folded_by_hand(tuned))
    assert_close(load_file(applied), folded_by_hand(tuned))
    moved = load_file(merged)[QKV.format(0)] - case.base[QKV.format(0)]
    assert moved[:128].abs().max() > 0.01 and not moved[128:].any()


@pytest.mark.parametrize('kind', ['bottleneck', 'prompts'])
@pytest.mark.parametrize('command', ['merge', 'apply'])
def test_what_does_not_fold_is_refused_and_nothing_is_written(
    fail, case, added, tmp_path, kind, command
):
    start = case.config if command == 'merge' else case.folder / 'base.pth'
    line = fail(
        command, start, added[kind][0], '--out', tmp_path / 'x.safetensors'
    )
    assert f'{kind} cannot be merged' in line and '--traceback' not in line
    assert list(tmp_path.iterdir()) == []


def test_info_tells_what_is_added_and_where(succeed, added):
    path, _ = added['low_rank']
    text = succeed('info', path)
    facts = json.loads(succeed('info', path, '--json'))
    values = 2 * (128 + 128) * 2
    assert facts['tensors']['added'] == {'tensors': 4, 'entries': values}
    new = Delta.load(path).new
    assert facts['tensors']['new']['tensors'] == len(new) - 4 > 0
    assert facts['version'] == 3
    lines = [' '.join(line.split()) for line in text.splitlines()]
    assert 'added modules 4 1,024' in lines
    where = 'backbone.layers.*.attn'
    for place in (f'{where}.proj.weight', f'{where}.qkv.weight[0:128]'):
        assert f'low_rank 1 512 rank=2 scale=0.5 dropout=0.0 {place}' in lines


@pytest.mark.parametrize('kind', KINDS)
def test_verify_compares_model_and_file(succeed, case, added, kind):
    path, _ = added[kind]
    for base in (
        ('--config', case.config),
        ('--base', case.folder / 'base.pth'),
    ):
        told = succeed('verify', path, *base)
        assert 'base: fits the delta' in told
        assert 'belong to 2 modules that it adds (shapes fit)' in told


def test_verify_refuses_another_architecture(fail, case, added, tmp_path):
    path, _ = added['low_rank']
    state = dict(case.base)
    state[QKV.format(0)] = torch.zeros(96, 32)
    torch.save({'state_dict': state}, tmp_path / 'other.pth')
    line = fail('verify', path, '--base', tmp_path / 'other.pth')
    assert 'expected rows between 0 and 96' in line


def test_diff_compares_what_is_added(succeed, added, case):
    path, _ = added['low_rank']
    told = succeed('diff', path, path)
    assert told.startswith('12 of 12 tensors are equal')
    told = succeed('diff', path, added['prompts'][0])
    assert 'info that differs: added, method' in ' '.join(told.split()) or (
        'info that differs: method, added' in ' '.join(told.split())
    )


def test_overlap_has_nothing_to_compare(fail, added):
    path, _ = added['low_rank']
    line = fail('overlap', path, path)
    assert 'replaced whole or added' in line


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize(
    'arguments',
    [
        ('combine', '{one}', '{path}', '--weights', 1, 1, '--head', '{one}'),
        ('combine', '{path}', '--alpha', 0.5),
        ('sweep', '{config}', '{path}', '--alphas', 0, 1),
    ],
)
def test_sums_and_sweeps_are_refused_in_one_line(
    fail, case, added, tmp_path, arguments, kind
):
    names = dict(one=case.one, config=case.config, path=added[kind][0])
    words = [str(word).format(**names) for word in arguments]
    out = tmp_path / ('x.png' if words[0] == 'sweep' else 'x.safetensors')
    if words[0] == 'combine':
        words += ['--config', case.config]
    line = fail(*words, '--out', out)
    assert line.startswith(f'delta.py: {words[0]}: expected')
    assert f'adds 2 modules ({kind})' in line and 'extract' in line
    assert list(tmp_path.iterdir()) == []


def test_quantize_codes_what_is_added(succeed, case, added, base, tmp_path):
    """Levels are those of the values themselves: their base is zero."""
    path, tuned = added['low_rank']
    out = tmp_path / 'small.safetensors'
    succeed(
        'quantize', path, '--bits', 4, '--config', case.config, '--out', out
    )
    model = base_model(load_config(str(case.config)))
    apply(model, Delta.load(out))
    found = 0
    for name, tensor in model.state_dict().items():
        expected = tuned.state_dict()[name]
        if '.added.' not in name:
            assert torch.equal(tensor, expected), name
            continue
        found += 1
        assert 2 < len(tensor.unique()) <= 16
        assert (tensor - expected).abs().max() < 0.5 * expected.abs().max()
    assert found == 4
    diff = succeed('diff', path, out)
    assert '8 of 12 tensors are equal' in diff


def test_extract_takes_the_plan_of_a_checkpoint(
    succeed, case, added, base, tmp_path
):
    path, tuned = added['bottleneck']
    plan = Delta.load(path).info.added
    content = {
        'state_dict': tuned.state_dict(),
        'gps_seg': {'method': {'type': 'bottleneck'}, 'added': plan},
    }
    torch.save(content, tmp_path / 'full.pth')
    succeed(
        *('extract', case.folder / 'base.pth', tmp_path / 'full.pth'),
        *('--new', 'decode_head', '--out', tmp_path / 'd.safetensors'),
    )
    model = base_model(load_config(str(case.config)))
    apply(model, Delta.load(tmp_path / 'd.safetensors'))
    assert_same_bits(model.state_dict(), tuned.state_dict())


@pytest.mark.parametrize('broken', ['base', 'tuned'])
def test_extract_refuses_additions_without_a_plan(
    fail, case, added, tmp_path, broken
):
    _, tuned = added['bottleneck']
    torch.save({'state_dict': tuned.state_dict()}, tmp_path / 'full.pth')
    files = [case.folder / 'base.pth', tmp_path / 'full.pth']
    if broken == 'base':
        files.reverse()
    line = fail('extract', *files, '--out', tmp_path / 'd.safetensors')
    assert f'{broken}: expected' in line and 'added.bottleneck' in line


def test_a_merged_checkpoint_gives_a_plain_delta(
    succeed, case, added, tmp_path
):
    """The advice of the refusals."""
    path, _ = added['low_rank']
    full, out = tmp_path / 'full.pth', tmp_path / 'plain.safetensors'
    succeed('merge', case.config, path, '--out', full)
    succeed(
        *('extract', case.folder / 'base.pth', full),
        *('--new', HEAD.rstrip('.'), '--out', out),
    )
    delta = Delta.load(out)
    assert not delta.info.added and without_head(case.base).keys() >= (
        delta.changes.keys() - delta.new
    )
