"""What a user reads while tools/train.py and tools/test.py run."""

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from run_tool import TOOLS, run_tool

from gps_seg.datasets.synthetic_polyps import ensure_dataset
from gps_seg.delta import Delta
from gps_seg.peft import METHODS

REPO = Path(__file__).resolve().parents[2]
CONFIG = str(REPO / 'configs/demo/gps.py')
WEIGHTS = REPO / 'data/demo/vit-demo_source.safetensors'
SIZES = {'train': 8, 'tune': 2, 'val': 4}


def overrides(data, **others):
    settings = {
        'load_from': WEIGHTS,
        'train_dataloader.batch_size': 4,
        'train_cfg.max_iters': 2,
        'train_cfg.val_interval': 2,
        'default_hooks.checkpoint.interval': 2,
        'default_hooks.checkpoint.save_best': 'image_mDice',
        **others,
    }
    for split in ('train', 'val', 'test'):
        loader = f'{split}_dataloader'
        settings[f'{loader}.dataset.data_root'] = data
        settings[f'{loader}.num_workers'] = 0
        settings[f'{loader}.persistent_workers'] = False
    return ['--cfg-options', *(f'{k}={v}' for k, v in settings.items())]


def console_of(*arguments):
    """What is written to the standard output."""
    with redirect_stdout(io.StringIO()) as text:
        run_tool(*arguments)
    return text.getvalue()


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """The console of a training in ``run/``, and the folder it is in."""
    folder = tmp_path_factory.mktemp('console')
    ensure_dataset(
        folder / 'data', domain='target', split_sizes=SIZES, size=112, seed=0
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        text = console_of(
            *('train.py', CONFIG, '--work-dir', 'run', '--seed', 3),
            *overrides(folder / 'data'),
        )
    return folder, text


@pytest.fixture
def console(run, monkeypatch):
    monkeypatch.chdir(run[0])
    return run[1]


def log_of(work_dir):
    (path,) = work_dir.glob('2*/2*.log')
    return path.read_text()


def test_few_lines_come_before_the_selection(console):
    lines = console.splitlines()
    first = next(i for i, line in enumerate(lines) if 'batch 1/' in line)
    assert lines[first].startswith('Selecting connections: batch 1/2, loss ')
    assert first <= 10
    assert len(lines) <= 31


def test_the_head_names_what_runs(console):
    head = console.partition('Selecting')[0]
    for words in (
        CONFIG,
        '851,842 parameters',
        'gps k=1',
        '8 images to train on, 4 to validate',
        '2 iterations of 4 images',
        'CPU (',
        'run/2',
    ):
        assert words in head


def test_the_log_file_has_what_the_console_has_not(console):
    log = log_of(Path('run'))
    for words in (
        'System environment:',
        'Config:\n',
        'Hooks will be executed',
        'Iter(train) [2/2]',
        'Scores per class',
    ):
        assert words in log
        assert words not in console
    assert 'mmengine' not in console
    assert 'Selecting connections: batch 2/2' in log
    assert 'selection.png' in log


def test_verbose_shows_what_the_log_file_has(
    run, monkeypatch, tmp_path, no_pictures
):
    monkeypatch.chdir(tmp_path)
    text = console_of(
        *('train.py', CONFIG, '--work-dir', 'run', '--verbose'),
        *overrides(run[0] / 'data'),
    )
    plain = re.sub(r'\x1b\[\d+m', '', text)  # colours
    records = re.compile(r' - mmengine - ([A-Z]+ - .*)')
    shown = records.findall(plain)
    assert shown == records.findall(log_of(Path('run')))
    assert 'INFO - Config:' in shown


def test_the_numbers_are_those_of_the_files(console):
    facts = json.loads(Path('run/trained.json').read_text())
    trained = facts['selected'] + facts['whole']
    share = 100 * trained / facts['all']
    line = (
        f'{trained:,} of {facts["all"]:,} values ({share:.2f} %): '
        f'{facts["selected"]:,} connections, '
    )
    assert f'Training {line}' in console
    assert f'trained  {line}' in console
    metric = Delta.load('run/best_delta.safetensors').info.metric
    scores = f'image_mDice {metric["image_mDice"]:.2f}, '
    assert f'Validation after iteration 2/2: {scores}' in console
    assert f'score    {scores}' in console
    assert ', the best so far\n' in console


def test_files_are_there_and_pictures_are_named_once(console):
    listed = re.findall(r'^    (\S+\.\w+) +\d.*[kM]B', console, re.MULTILINE)
    assert {'best_delta.safetensors', 'delta.safetensors', 'gps.py'} < {
        *listed
    }
    assert all(Path('run', name).is_file() for name in listed)
    for picture in ('selection.png', 'curves.png', 'overlays.png'):
        assert console.count(picture) == 1
    assert '\n  report   run/report.html\n' in console


def test_the_next_commands_run_as_they_are(console):
    test, share = (
        shlex.split(line)
        for line in console.partition('Next\n')[2].splitlines()
    )
    assert [words[0] for words in (test, share)] == ['python'] * 2
    text = console_of(Path(test[1]).name, *test[2:])
    metrics = json.loads(Path('run/test_metrics.json').read_text())
    for name in ('mDice', 'mIoU', 'image_mDice'):
        row = rf'^{name} +{metrics[name]:.2f}$'
        assert re.search(row, text, re.MULTILINE)
    assert re.search(
        rf'^polyp +{metrics["Dice.polyp"]:.2f} +{metrics["IoU.polyp"]:.2f}$',
        text,
        re.MULTILINE,
    )
    for name in ('run/test_metrics.json', 'run/test/2'):
        assert name in text
    console_of(Path(share[1]).name, *share[2:])
    assert Path('run/shared/README.md').is_file()


def test_a_resumed_run_says_from_where(run, monkeypatch, no_pictures):
    folder = run[0]
    monkeypatch.chdir(folder)
    shutil.copytree('run', 'resumed')
    more = {'train_cfg.max_iters': 4, 'train_cfg.val_interval': 4}
    text = console_of(
        *('train.py', CONFIG, '--work-dir', 'resumed', '--resume'),
        *overrides(folder / 'data', **more),
    )
    assert 'Resuming at iteration 2/4 from resumed/resume.pth' in text
    assert 'Selecting' not in text
    assert 'Loads checkpoint' not in text
    assert 'Training: iteration 4/4, loss ' in text


DATA = 'train_dataloader.dataset.data_root=nowhere'
NO_DELTA = str(REPO / 'nothing.safetensors')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('train.py', CONFIG + 'x'), 'Did you mean'),
        (('train.py', CONFIG, '--k', '4000'), 'which chooses 4000 of'),
        (('train.py', CONFIG, '--method', 'gsp'), "Did you mean 'gps'?"),
        (('train.py', CONFIG, '--peft-options', 'k'), '--peft-options: exp'),
        (('train.py', CONFIG, '--cfg-options', DATA), 'nowhere/splits'),
        (('test.py', CONFIG, NO_DELTA), 'Training writes delta.safetensors'),
    ],
)
def test_an_error_is_one_line_and_leaves_nothing(
    tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    weights = ['load_from=' + str(WEIGHTS)]
    if '--cfg-options' not in arguments:
        weights = ['--cfg-options', *weights]
    with pytest.raises(SystemExit) as end:
        run_tool(*arguments, *weights, '--work-dir', 'deep/run')
    assert end.value.code == 1
    shown = capsys.readouterr()
    (line,) = shown.err.splitlines()
    assert message in line
    assert shown.out == ''
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('name', 'setting', 'selected', 'whole'),
    [
        # Four blocks of width 128, with 9 x 128 neurons each.
        ('partial', 'last_blocks=2', 0, 2 * (12 * 128 + 13) * 128 + 2 * 128),
        ('bitfit', 'encoder=backbone', 0, (1 + 4 * 9 + 9) * 128),
        ('norm', 'encoder=backbone', 0, 9 * 2 * 128),
        ('paca', 'columns=2', 2 * 4 * 9 * 128, 0),
        ('neuroada', 'k=2', 2 * 4 * 9 * 128, 0),
        ('shira', 'rank=2', 2 * 4 * (4 + 2 + 5 + 5) * 128, 0),
        ('fps', 'k=2', 2 * (1 + 4 * 9) * 128, (1 + 4 * 9) * 128),
    ],
)
def test_a_method_of_the_command_line_trains_and_is_in_the_delta(
    run, monkeypatch, no_pictures, name, setting, selected, whole
):
    monkeypatch.chdir(run[0])
    console_of(
        *('train.py', CONFIG, '--work-dir', name, '--method', name),
        *('--peft-options', f'method.{setting}'),
        *overrides(run[0] / 'data'),
    )
    counts = json.loads(Path(name, 'trained.json').read_text())
    head = 8_450
    assert (counts['selected'], counts['whole'] - head) == (selected, whole)
    delta = Delta.load(Path(name, 'delta.safetensors'))
    assert delta.info.method == counts['method']
    assert counts['method']['type'] == name


@pytest.mark.parametrize(
    ('name', 'setting', 'message'),
    [
        ('partial', 'last_blocks=999', 'last_blocks: expected 1 to 4, '),
        (
            'paca',
            'columns=9999',
            'columns: expected 1 to 128 for the ',
        ),
        ('paca', 'score=norm', "score: expected one of ('gradient', "),
        ('shira', 'rank=9999', 'rank: expected 1 to 96 for each layer'),
        ('neuroada', 'k=9999', 'k: expected 1 to 128 for each neuron'),
        ('bitfit', 'encoder=body', 'encoder: expected a submodule of the'),
        ('norm', 'kind=LayerNorm', "expected keys among ['encoder'], got"),
    ],
)
def test_a_wrong_setting_of_a_method_is_one_line_before_the_data(
    tmp_path, monkeypatch, capsys, name, setting, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        run_tool(
            *('train.py', CONFIG, '--work-dir', 'run', '--method', name),
            *('--peft-options', f'method.{setting}'),
            *overrides('nowhere'),
        )
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.iterdir())


def test_a_failed_start_leaves_an_earlier_run_as_it_is(run, monkeypatch):
    monkeypatch.chdir(run[0])
    shutil.copytree('run', 'again')
    before = {p: _content(p) for p in Path('again').rglob('*')}
    with pytest.raises(SystemExit):
        run_tool(
            *('train.py', CONFIG, '--work-dir', 'again', '--seed', 5),
            *overrides('nowhere'),
        )
    assert {p: _content(p) for p in Path('again').rglob('*')} == before


def _content(path):
    return path.read_bytes() if path.is_file() else None


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_help_needs_no_torch(tool):
    code = (
        'import runpy, sys\n'
        f'sys.argv = [{tool!r}, "--help"]\n'
        'try:\n'
        f'    runpy.run_path({str(TOOLS / tool)!r}, run_name="__main__")\n'
        'finally:\n'
        '    print(sorted({"torch", "mmengine"} & set(sys.modules)))\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == '[]'
    assert '--verbose' in done.stdout


def test_help_names_the_methods():
    done = subprocess.run(
        [sys.executable, TOOLS / 'train.py', '--help'],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    text = ' '.join(done.stdout.split())
    named = text.partition("instead of the config's: ")[2].partition('--k')[0]
    assert sorted(re.split(', ', named.strip())) == sorted(METHODS)
