"""From a command line to a config."""

from argparse import ArgumentParser

import pytest
import torch
from mmengine.config import Config, DictAction
from run_tool import run_tool

from gps_seg.command_line.launcher import add_launcher
from gps_seg.delta import Delta
from gps_seg.engine.training.wrapper_types import enable_amp
from gps_seg.runs import launch
from gps_seg.runs.overrides import parse_overrides


def config(**keys):
    return Config(
        {
            'optim_wrapper': {'type': 'PeftOptimWrapper'},
            'custom_hooks': [
                {'type': 'PeftHook', 'method': {'type': 'gps', 'k': 1}}
            ],
            **keys,
        }
    )


def test_the_work_dir_is_named_after_the_config(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text('a = dict(b=1)')
    assert launch.load_config(str(path)).work_dir == 'work_dirs/mine'
    loaded = launch.load_config(str(path), 'here', {'a.b': 2})
    assert (loaded.work_dir, loaded.a.b) == ('here', 2)


def test_a_missing_config_is_named():
    with pytest.raises(FileNotFoundError, match=r'nowhere\.py'):
        launch.load_config('nowhere.py')


@pytest.mark.parametrize('name', ['notes.txt', 'notes.txt/run'])
def test_a_work_directory_that_is_a_file_is_named(tmp_path, name):
    (tmp_path / 'notes.txt').write_text('mine')
    (tmp_path / 'mine.py').write_text('a = 1')
    with pytest.raises(
        NotADirectoryError, match=r'got the file .*notes\.txt\. .*--work-dir'
    ):
        launch.load_config(str(tmp_path / 'mine.py'), str(tmp_path / name))


def test_weights_that_are_a_folder_are_said_to_be_one(tmp_path):
    with pytest.raises(FileNotFoundError, match='got the folder'):
        launch.prepare_test(config(), str(tmp_path), None, None)
    with pytest.raises(FileNotFoundError, match='got nothing at'):
        launch.prepare_test(config(), str(tmp_path / 'no'), None, None)


@pytest.mark.parametrize(
    ('wrapper', 'expected'),
    [
        ('PeftOptimWrapper', 'AmpPeftOptimWrapper'),
        ('AmpPeftOptimWrapper', 'AmpPeftOptimWrapper'),
        ('OptimWrapper', 'AmpOptimWrapper'),
        (None, 'AmpOptimWrapper'),
    ],
)
def test_amp_takes_the_sibling(wrapper, expected):
    settings = {'type': wrapper} if wrapper else {}
    cfg = config(optim_wrapper={**settings, 'clip_grad': {'max_norm': 1}})
    enable_amp(cfg)
    assert cfg.optim_wrapper.type == expected
    assert cfg.optim_wrapper.clip_grad.max_norm == 1


def test_classes_of_images_are_drawn_by_mmpretrain(tmp_path):
    path = tmp_path / 'weights.pth'
    path.touch()
    cfg = config(default_scope='mmpretrain', default_hooks={})
    cfg.visualizer = {'type': 'any'}
    launch.prepare_test(cfg, str(path), out=None, show_dir='drawn')
    drawing = cfg.default_hooks.visualization
    assert drawing.type == 'VisualizationHook'
    assert drawing.out_dir == cfg.visualizer.save_dir == 'drawn'


def test_amp_with_an_unknown_wrapper():
    with pytest.raises(ValueError, match=r"--amp, got 'ApexOptimWrapper'"):
        enable_amp(config(optim_wrapper={'type': 'ApexOptimWrapper'}))


def test_seed_and_determinism_keep_the_rest():
    cfg = config(randomness={'seed': 1, 'diff_rank_seed': True})
    launch.set_seed(cfg, 7, deterministic=True)
    assert cfg.randomness == {
        'seed': 7,
        'diff_rank_seed': True,
        'deterministic': True,
    }
    launch.set_seed(cfg, None)
    assert cfg.randomness.seed == 7


def test_a_config_that_says_nothing_of_randomness():
    """MMEngine asks for a seed, be it None."""
    cfg = config()
    launch.set_seed(cfg, None)
    assert cfg.randomness == {'seed': None}


def test_a_launcher_that_needs_a_gpu(monkeypatch):
    monkeypatch.setattr(launch, 'is_cuda_available', lambda: False)
    with pytest.raises(ValueError, match="got 'slurm'"):
        launch.set_launcher(config(), 'slurm')


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / 'x.pth'
    path.touch()
    return str(path)


def test_prepare_test_is_strict_and_can_draw(checkpoint):
    cfg = config(default_hooks={})
    launch.prepare_test(cfg, checkpoint, out='labels', show_dir='drawn')
    assert cfg.load_from == checkpoint
    added = [hook.type for hook in cfg.custom_hooks[1:]]
    assert added == ['StrictCheckpointHook', 'PredictionHook', 'DrawingHook']
    folders = [hook.folder for hook in cfg.custom_hooks[2:]]
    assert folders == ['labels', 'drawn']
    assert not cfg.default_hooks


def test_a_delta_goes_on_the_base_of_the_config(tmp_path):
    path = tmp_path / 'delta.safetensors'
    Delta({}).save(path)
    cfg = config(load_from='base.pth')
    launch.prepare_test(cfg, str(path), out=None, show_dir=None)
    assert cfg.load_from == 'base.pth'
    assert cfg.custom_hooks[-1] == {'type': 'TaskHook', 'path': str(path)}


def test_the_config_of_a_resumed_run_can_be_tested(tmp_path):
    """MMEngine's tools put the state to resume where the base is named."""
    path = tmp_path / 'delta.safetensors'
    Delta({}).save(path)
    cfg = config(load_from='resume.pth', resume=True)
    launch.prepare_test(cfg, str(path), out=None, show_dir=None)
    assert (cfg.load_from, cfg.resume) == (None, False)


def test_drawing_of_a_classifier_needs_a_visualizer(checkpoint):
    cfg = config(default_hooks={}, default_scope='mmpretrain')
    with pytest.raises(ValueError, match='--show-dir: expected a visuali'):
        launch.prepare_test(cfg, checkpoint, None, 'drawn')


def save_state(path, **content):
    torch.save({'meta': {'seed': 7}, **content}, path)
    return str(path)


def test_resume_prefers_the_state_in_the_work_dir(tmp_path):
    cfg = config(work_dir=str(tmp_path), load_from='start.pth')
    full = save_state(tmp_path / 'iter_3.pth')
    (tmp_path / 'last_checkpoint').write_text(full)
    assert launch.find_state(cfg, 'auto') == full
    slim = save_state(tmp_path / 'resume.pth')
    assert launch.find_state(cfg, 'auto') == slim
    assert launch.find_state(cfg, full) == full
    assert cfg.load_from == 'start.pth'


def test_the_base_of_a_state_is_that_of_its_seed(tmp_path):
    cfg = config(work_dir=str(tmp_path), load_from='start.pth')
    save_state(tmp_path / 'resume.pth', gps_seg={'base': {}})
    launch.find_state(cfg, 'auto')
    assert cfg.randomness == {'seed': 7}
    assert cfg.load_from == 'start.pth'
    (tmp_path / 'base.pth').touch()
    launch.find_state(cfg, 'auto')
    assert cfg.load_from == str(tmp_path / 'base.pth')


def test_nothing_to_resume_is_told_and_the_start_is_kept(tmp_path, capsys):
    """MMEngine alone would begin anew, and without the weights to load."""
    cfg = config(work_dir=str(tmp_path), load_from='start.pth')
    assert launch.find_state(cfg, 'auto') is None
    assert cfg.load_from == 'start.pth'
    output = capsys.readouterr().out
    assert 'WARNING - --resume: expected a state of the run in' in output


def test_what_cannot_be_resumed_is_refused(tmp_path):
    delta = tmp_path / 'delta.safetensors'
    Delta({}).save(delta)
    with pytest.raises(ValueError, match='--resume: .* resume.pth beside it'):
        launch.find_state(config(), str(delta))
    with pytest.raises(FileNotFoundError, match='got nothing at iter_3.pth'):
        launch.find_state(config(), 'iter_3.pth')


def test_only_what_several_processes_run_takes_a_launcher(capsys):
    """An option that nobody reads would be taken in silence."""
    alone, together = ArgumentParser(), ArgumentParser()
    add_launcher(together)
    assert vars(together.parse_args(['--local-rank', '1'])) == {
        'launcher': 'none',
        'local_rank': 1,
    }
    with pytest.raises(SystemExit):
        alone.parse_args(['--launcher', 'pytorch'])
    assert 'unrecognized arguments: --launcher' in capsys.readouterr().err


@pytest.mark.parametrize(
    'words',
    [
        ['a.b=2'],
        ['a.b=1.5', 'a.c=true', 'd=None', 'd.e=[(1,2),x]'],
        ['url=http://x/?a=b', 'a="[1,2]"'],
    ],
)
def test_overrides_are_read_as_mmengine_reads_them(words):
    parser = ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    expected = parser.parse_args(['--cfg-options', *words]).cfg_options
    assert parse_overrides(words, '--cfg-options') == expected


@pytest.mark.parametrize('word', ['a.b', 'a=[1,(2]'])
def test_a_word_that_is_no_override(tmp_path, word):
    path = tmp_path / 'mine.py'
    path.write_text('a = dict(b=1)')
    with pytest.raises(ValueError, match='--cfg-options: expected KEY=VAL'):
        launch.load_config(str(path), overrides=[word])


def test_overrides_of_the_command_line_reach_the_config(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text('a = dict(b=1, c=3)')
    loaded = launch.load_config(str(path), overrides=['a.b=[2,x]'])
    assert loaded.a == {'b': [2, 'x'], 'c': 3}


@pytest.mark.parametrize('tool', ['compare.py', 'check_dataset.py'])
def test_tools_of_one_process_take_no_launcher(tool, capsys):
    with pytest.raises(SystemExit):
        run_tool(tool, 'config.py', '--launcher', 'pytorch')
    assert 'unrecognized arguments: --launcher' in capsys.readouterr().err
