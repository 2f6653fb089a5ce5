"""Configs by path and by package."""

import gc
import warnings

import pytest
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import HOOKS

from gps_seg.engine import PeftHook
from gps_seg.engine.config.source import (
    PACKAGES,
    config_folder,
    find_config,
    read_config,
)

SETR = 'setr/setr_vit-l_pup_8xb2-160k_ade20k-512x512.py'


def test_a_config_of_a_package_is_the_file_that_it_brings():
    path = find_config(f'mmseg::{SETR}')
    assert path.is_file()
    assert path.as_posix().endswith(f'mmseg/.mim/configs/{SETR}')
    config = read_config(f'mmseg::{SETR}', {'train_cfg.max_iters': 3})
    assert config.model.backbone.num_layers == 24
    assert config.train_cfg.max_iters == 3


@pytest.mark.parametrize('package', PACKAGES)
def test_every_package_has_its_configs(package):
    assert any(config_folder(package).rglob('*.py'))


def test_a_path_is_a_path(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text('a = 1')
    assert read_config(str(path)).a == 1


@pytest.mark.parametrize(
    ('source', 'close'),
    [
        ('mmseg::setr/setr_vit-l_pup_8xb2-160k_ade20k-512x51.py', SETR),
        ('mmseg::setr_vit-l_pup_8xb2-160k_ade20k-512x512.py', SETR),
        ('setr_vit-l_pup_8xb2-160k_ade20k-512x512.py', f'mmseg::{SETR}'),
        ('gps_seg::kvasir/bais.py', 'gps_seg::kvasir/bias.py'),
        ('configs/gps_kvasr.py', 'gps_kvasir.py'),
    ],
)
def test_a_name_that_is_not_there_is_answered_by_close_ones(source, close):
    with pytest.raises(FileNotFoundError) as error:
        find_config(source)
    assert f'got {source}. Did you mean ' in str(error.value)
    assert close in str(error.value)


def test_the_folder_that_was_named_comes_first():
    with pytest.raises(FileNotFoundError) as error:
        find_config('mmseg::setr/nothing.py')
    proposed = str(error.value).partition('Did you mean ')[2].split(' or ')
    assert len(proposed) == 3
    assert all(name.startswith('mmseg::setr/') for name in proposed)


def test_a_folder_is_no_config(repo_dir):
    with pytest.raises(FileNotFoundError, match='got the folder .*configs'):
        find_config(str(repo_dir / 'configs'))


def test_a_file_like_nothing_else():
    with pytest.raises(FileNotFoundError, match='Check the path'):
        find_config('mmseg::0123456789.txt')


@pytest.mark.parametrize('package', ['mmsegg', 'json', '', 'a/b'])
def test_a_package_without_configs_is_named(package):
    with pytest.raises(ValueError, match=f"mmpretrain; got '{package}'"):
        find_config(f'{package}::{SETR}')


def test_bases_may_be_of_other_packages(tmp_path):
    """MMEngine alone finds neither, as they are called otherwise on PyPI."""
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = ['mmseg::{SETR}', 'gps_seg::_base_/gps.py']")
    config = read_config(str(path))
    assert config.model.backbone.type == 'VisionTransformer'
    assert config.runner_type == 'PeftRunner'
    assert config.custom_hooks[0].method == {'type': 'gps', 'k': 1}


def test_a_config_of_ours_is_the_same_as_a_base(tmp_path):
    """MMEngine notes the package as a scope, in which there is nothing."""
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = 'gps_seg::_base_/../gps_kvasir.py'")
    inherited = read_config(str(path))
    assert (
        inherited.to_dict() == read_config('gps_seg::gps_kvasir.py').to_dict()
    )
    assert '_scope_' not in str(inherited.to_dict())


def test_the_scope_of_another_package_stays(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = 'mmseg::{SETR}'")
    assert read_config(str(path)).model._scope_ == 'mmseg'


def test_mmengine_finds_our_configs_by_its_index():
    config = get_config('gps_seg::kvasir/bias.py')
    assert config.train_cfg.max_iters == 1100


def test_bases_that_set_the_same_key(tmp_path):
    (tmp_path / 'yours.py').write_text("custom_hooks = [dict(type='EMAHook')]")
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = ['yours.py', 'gps_seg::_base_/gps.py']")
    with pytest.raises(ValueError, match='custom_hooks.*--method gps'):
        read_config(str(path))


def test_a_program_of_its_own_can_build_the_second_base(tmp_path):
    """Without ``read_config``; the hook is in the registry of MMEngine."""
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = 'gps_seg::_base_/gps.py'")
    (hook,) = Config.fromfile(path).custom_hooks
    assert hook._scope_ == 'mmengine'
    assert isinstance(HOOKS.build(hook), PeftHook)


def test_the_second_base_adds_no_key_that_a_config_of_mmseg_has():
    ours = Config.fromfile(find_config('gps_seg::_base_/gps.py'))
    theirs = read_config(f'mmseg::{SETR}')
    assert not set(ours) & set(theirs)


def test_weights_in_the_place_of_the_config_are_told_apart(tmp_path):
    path = tmp_path / 'delta.safetensors'
    path.touch()
    with pytest.raises(ValueError, match='Give the config first, then'):
        read_config(str(path))


def refusal(kind, path):
    """Message of the error that a config gives, when all is cleared away.

    MMEngine leaves a file open when a config fails.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', ResourceWarning)
        try:
            read_config(str(path))
        except kind as error:
            message = str(error)
        gc.collect()
    return message


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('a = b', "NameError: name 'b' is not defined"),
        ('a = 1 / 0', 'ZeroDivisionError: division by zero'),
        ("a = {}['b']", "KeyError: 'b'"),
        ('assert False', 'AssertionError'),
    ],
)
def test_the_line_of_a_config_that_fails_is_named(tmp_path, text, reason):
    """Here it is a line of a base."""
    base, path = tmp_path / 'base.py', tmp_path / 'mine.py'
    base.write_text(f'x = 1\n\n{text}\n')
    path.write_text("_base_ = 'base.py'")

    message = refusal(ValueError, path)

    assert message.startswith('config: expected a config that can be read')
    assert f'got {reason} ({base}, line 3).' in message


def test_a_config_that_is_no_python_has_its_line_in_the_message(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text('x = 1\na = {')

    message = refusal(ValueError, path)

    assert "'{' was never closed" in message
    assert 'line 2' in message


def test_a_base_that_is_missing_is_named(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = 'no.py'")

    message = refusal(FileNotFoundError, path)

    assert f'got nothing at {tmp_path / "no.py"} (read by {path})' in message


def test_a_module_that_is_missing_is_named_without_all_import_paths(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text("custom_imports = dict(imports=['not_there'])")

    message = refusal(ValueError, path)

    assert 'not_there' in message
    assert 'sys.path' not in message


@pytest.mark.parametrize('key', ['a.9.x', 'a.b', 'c.d'])
def test_an_override_that_leads_nowhere_is_named(tmp_path, key):
    path = tmp_path / 'mine.py'
    path.write_text("a = [1]\nc = 'text'")

    with pytest.raises(ValueError, match=rf'settings of the config.*{key}'):
        read_config(str(path), {key: 1})
