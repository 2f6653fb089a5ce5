"""The folder to give away, by the command as a user runs it."""

from functools import partial
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from run_tool import run_tool
from small_segmentor import info_of, make_delta, write_config

share = partial(run_tool, 'share.py')


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MMEngine takes seconds with long paths
    return write_config(Path())


def save_delta(config, path, /, **facts):
    read = Config.fromfile(config)
    make_delta(read, info_of(read, **facts)).save(path)
    return path


def test_all_that_can_be_told(config, tmp_path, capsys):
    delta = save_delta(config, tmp_path / 'delta.safetensors')
    out = tmp_path / 'my polyps'
    share(
        *(delta, '--out', out, '--base', 'timm/vit', '--license', 'mit'),
        *('--dataset', 'kvasir/seg', 'our own', '--title', 'Small polyps'),
        *('--intended-use', 'Research.', '--limits', 'One hospital.'),
    )
    printed = capsys.readouterr().out
    assert [str(file) in printed for file in out.iterdir()] == [True] * 4
    assert f"\n  hf upload 'YOUR_NAME/my polyps' '{out}'\n" in printed
    page = (out / 'README.md').read_text()
    facts = yaml.safe_load(page.split('---\n')[1])
    assert facts['license'] == 'mit'
    assert facts['datasets'] == ['kvasir/seg', 'our own']
    assert '\n# Small polyps\n' in page
    assert 'Research.\n\nOne hospital.' in page


def test_a_config_beside_the_delta(config, tmp_path):
    delta = save_delta(config, tmp_path / 'delta.safetensors', config='')
    out = tmp_path / 'out'
    arguments = (delta, '--out', out, '--base', 'words')
    with pytest.raises(ValueError, match='Give --config'):
        share(*arguments)
    share(*arguments, '--config', config)
    assert '\n# out\n' in (out / 'README.md').read_text()


def test_the_base_must_be_told(tmp_path, capsys):
    with pytest.raises(SystemExit):
        share('delta.safetensors', '--out', tmp_path / 'out')
    assert '--base' in capsys.readouterr().err


def test_a_missing_delta_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.safetensors'):
        share(
            *(tmp_path / 'nowhere.safetensors', '--out', tmp_path / 'out'),
            *('--base', 'x'),
        )
    assert not (tmp_path / 'out').exists()
