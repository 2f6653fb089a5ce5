"""Configs are read as data, and only as data."""

from pathlib import Path

import pytest
from mmengine.config import Config

from gps_seg.engine.config_text import config_from_file, config_from_text

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.mark.parametrize('name', ['gps_kvasir.py', 'demo/pretrain_source.py'])
def test_a_config_is_read_from_its_text(name):
    config = Config.fromfile(CONFIGS / name)
    read = config_from_text(config.pretty_text)
    assert read.to_dict() == config.to_dict()


def test_keys_that_are_no_names():
    content = {'a': {'b-c': 1, 'd': {'e.f': [{'g h': (2.5, -3, None)}]}}}
    read = config_from_text(Config(content).pretty_text)
    assert read.to_dict() == content


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('import os', "line 1, 'import os'"),
        ('a = 1\nb = open("x").read()', 'line 2, "open('),
        ('a = [dict(b=print(1))]', "line 1, 'print(1)'"),
        ('a = dict(**{"b": 1})', 'dict(**'),
        ('a = dict([("b", 1)])', 'dict([('),
        ('a = b', 'malformed node'),
        ('a = 1 if True else 2', 'malformed node'),
        ('a.b = 1', "'a.b = 1'"),
        ('a = b = 1', "'a = b = 1'"),
        ('a: int = 1', "'a: int = 1'"),
        ('a = (', 'never closed'),
        ('a = {[]: 1}', 'unhashable'),
        ('a = ' + '(' * 9000, 'got:'),
        ('a = 1' + '+1' * 9000, 'got:'),
        ('a = ' + '-' * 99000 + '1', 'got:'),
        ('text = "x"', 'reserved'),
        ("m = dict(type='os.system', command='true')", "type 'os.system'"),
        ("m = [(dict(type='mmengine.load'),)]", "type 'mmengine.load'"),
        ("m = dict(a=dict(type='mmseg.os.path'))", "type 'mmseg.os.path'"),
    ],
)
def test_anything_else_is_refused(text, reason):
    with pytest.raises(ValueError, match='expected assignments') as error:
        config_from_text(text)
    assert reason in str(error.value)


def test_nothing_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'evil.py').write_text('open("ran", "w").close()')
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "custom_imports = dict(imports=['evil'])"
    assert config_from_text(text).custom_imports.imports == ['evil']
    with pytest.raises(ValueError, match='expected assignments'):
        config_from_text('a = __import__("evil")')
    assert not (tmp_path / 'ran').exists()


def test_a_file_is_named(tmp_path):
    path = tmp_path / 'config.py'
    with pytest.raises(FileNotFoundError, match='nothing at .*config.py'):
        config_from_file(path)
    path.write_text('a = 1')
    assert config_from_file(path).a == 1
    path.write_text('a = b')
    with pytest.raises(ValueError, match=r'\(.*config.py\)'):
        config_from_file(path)
