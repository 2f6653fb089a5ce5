"""delta.py info, the console command, and wrong usage."""

import json
import sys

import pytest
from demo_tasks import INFO

from gps_seg import __main__ as console
from gps_seg.delta import Delta


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


@pytest.mark.parametrize('arguments', [(), ('unknown',), ('info',)])
def test_wrong_usage_is_status_2(run, arguments):
    status, _, err = run(*arguments)
    assert status == 2
    assert 'usage: delta.py' in err
