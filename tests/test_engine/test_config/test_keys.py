"""Misspelt keys of a config are refused or reported; variables are not."""

import ast

import pytest

from gps_seg.engine.config.keys import check_spelling
from gps_seg.engine.config.source import config_folder, read_config
from gps_seg.runs.launch import load_config


@pytest.mark.parametrize(
    ('override', 'meant'),
    [
        ('optim_wraper.optimizer.lr', 'optim_wrapper'),
        ('randomnes.seed', 'randomness'),
        ('train_dataloder.batch_size', 'train_dataloader'),
        ('custom_hook', 'custom_hooks'),
        ('default_hook.logger.interval', 'default_hooks'),
        ('load_form', 'load_from'),
        ('param_schedulers', 'param_scheduler'),
    ],
)
def test_a_misspelt_override_is_refused(tmp_path, override, meant):
    path = tmp_path / 'config.py'
    path.write_text('optim_wrapper = dict(optimizer=dict(lr=1))')
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        load_config(str(path), overrides={override: 3})


def test_a_misspelt_key_of_a_file_is_reported(tmp_path, capsys):
    path = tmp_path / 'config.py'
    path.write_text('train_cgf = dict()\nmy_learning_rate = 1')
    config = read_config(str(path), {'my_learning_rate': 2})
    assert config.my_learning_rate == 2
    (line,) = [
        line
        for line in capsys.readouterr().out.splitlines()
        if 'WARNING' in line
    ]
    assert 'train_cgf: expected' in line
    assert "'train_cfg'" in line


def test_no_config_of_openmmlab_or_of_ours_is_taken_for_misspelt(capsys):
    """All names that they assign, whether or not a base overrides them."""
    names = set()
    for package in ('mmseg', 'mmpretrain', 'gps_seg'):
        for path in config_folder(package).rglob('*.py'):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.Assign):
                    names |= {t.id for t in node.targets if hasattr(t, 'id')}
    assert len(names) > 100
    check_spelling(names, names)
    assert 'WARNING' not in capsys.readouterr().out
