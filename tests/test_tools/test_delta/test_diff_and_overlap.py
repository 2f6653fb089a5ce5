"""delta.py diff and overlap: what two deltas have in common."""

from dataclasses import replace

import cv2
from demo_tasks import HEAD, INFO
from safetensors.torch import load_file

from gps_seg.delta import Delta


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
