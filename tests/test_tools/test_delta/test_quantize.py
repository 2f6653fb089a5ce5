"""delta.py quantize: the same task in a smaller file."""

import torch

from gps_seg.delta import Delta


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
    assert 'expected --base WEIGHTS' in fail(
        'quantize', case.one, '--bits', 8, *out
    )
    assert not list(tmp_path.iterdir())
