"""delta.py extract: two checkpoints become a delta."""

import pytest
import torch
from demo_tasks import HEAD, INFO, without_head
from mmengine.config import Config
from safetensors.torch import save_file

from gps_seg.delta import Delta
from gps_seg.delta.reports.difference import differences


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
