"""delta.py sweep: from the base to the tuned model."""

import json
import math

import cv2
import torch
from demo_tasks import HEAD

from gps_seg.delta import Delta
from gps_seg.runs import launch
from gps_seg.runs.deltas.alphas import sweep


def score_of(config_file, checkpoint, work_dir):
    """Metrics of a full checkpoint by a plain Runner."""
    config = launch.load_config(str(config_file), work_dir)
    config.load_from = checkpoint
    config.visualizer.name = work_dir  # a singleton by name
    return launch.build_runner(config).test()


def test_sweep_goes_from_the_base_to_the_tuned_model(
    succeed, case, tmp_path, monkeypatch
):
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
    monkeypatch.chdir(tmp_path)  # MMEngine takes seconds with long paths
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
        torch.save({'state_dict': state, 'meta': {}}, f'{alpha}.pth')
        expected = score_of(case.config, f'{alpha}.pth', f'run-{alpha}')
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
