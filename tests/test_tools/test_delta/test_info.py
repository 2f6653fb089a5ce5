"""delta.py info, the console command, and wrong usage."""

import json
import re
import sys
from dataclasses import replace

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
    assert re.search(r'Run delta\.py( info)? --help', err)


def test_a_command_is_suggested(run):
    status, _, err = run('inof', 'x.safetensors')
    assert status == 2
    assert "got 'inof'. Did you mean info?" in err


def test_a_file_does_not_steer_the_terminal(succeed, fail, case, tmp_path):
    evil = 'a\x1b]0;owned\x07\x9b2J\u202e\ud800'
    path = tmp_path / 'evil.safetensors'
    delta = Delta.load(case.one)
    info = replace(
        delta.info, classes=('x\nlossless  yes', evil), config=f'# {evil}\n'
    )
    changes = {**delta.changes, evil: delta.changes[next(iter(delta.new))]}
    Delta(changes, info).save(path)
    told = succeed('info', path) + succeed('info', path, '--config')
    told += succeed('overlap', path, path) + succeed('diff', path, case.one)
    told += fail('verify', path, '--config', case.config)
    assert not {*'\x1b\x07\x9b\u202e\ud800'} & set(told)
    assert r'a\x1b]0;owned\x07\x9b2J\u202e\ud800' in told
    assert r'x\nlossless  yes' in told
