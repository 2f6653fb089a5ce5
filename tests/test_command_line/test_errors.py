"""Which errors are the user's, and what is said of them."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from gps_seg.command_line.errors import explain


def raised(function, *arguments):
    """What a call raises, with its traceback."""
    try:
        function(*arguments)
    except Exception as error:
        return error
    raise AssertionError('nothing was raised')


@pytest.mark.parametrize('kind', [ValueError, RuntimeError, TypeError])
def test_an_error_in_the_words_of_the_package_is_shown_as_it_is(kind):
    assert explain(kind('k: expected 1, got 0.')) == 'k: expected 1, got 0.'


def test_an_error_of_a_library_has_its_type_and_a_way_to_the_traceback():
    assert explain(ValueError('bad shape')) == (
        'ValueError: bad shape (--traceback shows where)'
    )


def test_lines_and_notes_stay():
    error = ValueError('k: expected 1, got:\n  0\n  2')
    error.add_note('Run the check.')

    assert explain(error) == 'k: expected 1, got:\n  0\n  2\nRun the check.'


def test_a_missing_file_is_named_without_its_number(tmp_path):
    path = tmp_path / 'no.txt'

    error = raised(path.read_text)

    assert explain(error) == f'No such file or directory: {path}'


@pytest.mark.parametrize(
    'error',
    [ZeroDivisionError(), KeyError('x'), TypeError('x'), RuntimeError('x')],
)
def test_a_bug_is_not_explained(error):
    assert explain(error) is None


class Mine(Hook):
    """A hook of a user, with a mistake."""

    def __init__(self, mistake):
        self.mistake = mistake

    def after_train_iter(self, runner, *args, **kwargs):
        self.mistake()


def train_with(mistake):
    runner = SimpleNamespace(_hooks=[Mine(mistake)])
    Runner.call_hook(runner, 'after_train_iter')


def open_nothing():
    Path('no/such/file').read_text(encoding='utf-8')


def fail():
    raise ValueError('mine')


@pytest.mark.parametrize('mistake', [fail, open_nothing, partial(int, 'x')])
def test_a_mistake_in_a_users_hook_is_a_bug(mistake):
    error = raised(train_with, mistake)

    assert explain(error) is None


def test_an_error_that_a_users_hook_words_as_we_do_is_shown_as_it_is():
    def refuse():
        raise ValueError('k: expected 1, got 0.')

    assert explain(raised(train_with, refuse)) == 'k: expected 1, got 0.'


@pytest.mark.parametrize(
    ('error', 'words'),
    [
        (MemoryError(), 'out of memory. Use smaller batches'),
        (
            torch.OutOfMemoryError('CUDA out of memory. Tried 20 MiB.\nGPU 0'),
            'Tried 20 MiB. Use smaller batches',
        ),
        (
            RuntimeError('CUDA error: device-side assert\nCUDA kernel\nFor'),
            'CUDA error: device-side assert. Check nvidia-smi',
        ),
        (
            RuntimeError('DataLoader worker (pid 7) is killed by signal: 9'),
            'num_workers=0',
        ),
    ],
)
def test_a_machine_that_cannot_is_explained_in_one_line(error, words):
    explanation = explain(error)

    assert words in explanation
    assert '\n' not in explanation


def test_torch_says_so_when_memory_is_out():
    error = raised(torch.empty, 2**50)

    assert 'Use smaller batches' in explain(error)


class Broken(torch.utils.data.Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise FileNotFoundError('image: expected a file, got none (x.png).')


def test_of_a_worker_the_error_is_shown_and_not_its_traceback():
    error = raised(list, DataLoader(Broken(), num_workers=1))

    assert 'Original Traceback' in str(error)
    assert explain(error) == 'image: expected a file, got none (x.png).'


def test_a_file_that_cannot_be_written_is_said_without_a_number():
    error = OSError(28, 'file: expected to write 9 bytes, got: full', 'a.pt')

    assert explain(error) == (
        'file: expected to write 9 bytes, got: full (a.pt)'
    )
