"""delta.py combine: weighted sums of deltas."""

import torch
from demo_tasks import HEAD, INFO

from gps_seg.delta import Delta


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
