"""Counting what GPS would train, by the command as a user runs it."""

from functools import partial
from pathlib import Path

import pytest
from run_tool import run_tool
from small_segmentor import write_config

count = partial(run_tool, 'count.py')


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_config(Path())


def test_a_table_for_each_config(config, capsys):
    count(config, config)
    once, again = capsys.readouterr().out.split(f'{config}\n')[1:]
    assert once.strip() == again.strip()
    assert once.startswith('kind')
    # Two blocks of width 16 and fan-out (3 + 1 + 2 + 1), and the patches.
    lines = {
        line.split()[0]: line.split() for line in once.splitlines() if line
    }
    assert lines['connections'][1] == lines['biases'][1] == '240'
    assert lines['encoder'][3] == '480'


def test_k_of_the_command_line(config, capsys):
    count(config, '--k', 3)
    assert '  720 ' in capsys.readouterr().out


def test_one_markdown_table_of_a_list_of_configs(config, tmp_path, capsys):
    names = tmp_path / 'names.txt'
    names.write_text(f'{config}\n{config}\n')
    count('--markdown', f'@{names}')
    head, rule, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith('| config | encoder |')
    assert rule.startswith('| --- |')
    assert [row.split(' | ')[0] for row in rows] == [f'| `{config}`'] * 2


def test_a_k_that_does_not_fit_is_one_line(config, capsys):
    with pytest.raises(SystemExit, match='1'):
        count(config, '--k', 999)
    error = capsys.readouterr().err
    assert '999' in error
    assert error.count('\n') == 1


def test_another_method_with_its_settings(config, capsys):
    options = ('--peft-options', 'method.rank=3', 'method.on=[v]')
    count(config, '--method', 'lora', *options)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ['added', '192'] in [line[:2] for line in lines]  # 2 x 3 x (16+16)


def test_a_method_that_there_is_not(config, capsys):
    with pytest.raises(SystemExit, match='1'):
        count(config, '--method', 'lorra')
    assert "'lora'" in capsys.readouterr().err
