"""What every command does with files: none is replaced, none runs code."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file


def writing(case, out):
    """Every command that writes, by name, with its arguments."""
    base, config, one = case.folder / 'base.pth', case.config, case.one
    delta, checkpoint = out / 'x.safetensors', out / 'x.pth'
    return {
        'extract': (base, base, '--out', delta),
        'merge': (config, one, '--out', checkpoint),
        'apply': (base, one, '--out', checkpoint),
        'combine': (one, '--alpha', 1, '--base', base, '--out', delta),
        'overlap': (one, one, '--out', out / 'x.png'),
        'quantize': (one, '--half', '--out', delta),
        'sweep': (config, one, '--out', out / 'x.png'),
    }


COMMANDS = (
    'extract', 'merge', 'apply', 'combine', 'overlap', 'quantize', 'sweep',
)  # fmt: skip


@pytest.mark.parametrize('inputs', ['there', 'missing'])
@pytest.mark.parametrize('command', COMMANDS)
def test_no_file_is_overwritten(fail, case, tmp_path, command, inputs):
    """With inputs missing, too: the result is looked at first."""
    if inputs == 'missing':
        gone = tmp_path / 'gone'
        case = SimpleNamespace(folder=gone, config=gone, one=gone)
    *arguments, out = writing(case, tmp_path)[command]
    out.write_bytes(b'precious')

    error = fail(command, *arguments, out)

    assert 'out: expected a new file, got' in error
    assert [p.name for p in tmp_path.iterdir()] == [out.name]
    assert out.read_bytes() == b'precious'


def test_numbers_of_a_sweep_are_not_overwritten(fail, case, tmp_path):
    numbers = tmp_path / 'x.json'
    numbers.write_bytes(b'precious')
    error = fail('sweep', *writing(case, tmp_path)['sweep'])
    assert 'out: expected a new file, got' in error
    assert numbers.read_bytes() == b'precious'


@pytest.mark.parametrize('command', COMMANDS)
def test_names_of_results_end_as_they_should(fail, case, tmp_path, command):
    *arguments, _ = writing(case, tmp_path)[command]
    assert 'ends in .' in fail(command, *arguments, tmp_path / 'x.txt')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    'command', ['info', 'verify', 'diff', 'overlap', 'quantize', 'merge']
)
@pytest.mark.parametrize('kind', ['missing', 'folder', 'other', 'empty'])
def test_what_is_no_delta_is_refused(fail, case, tmp_path, command, kind):
    path = tmp_path / 'bad.safetensors'
    if kind == 'folder':
        path.mkdir()
    elif kind == 'other':
        save_file({'w': torch.ones(2)}, path)
    elif kind == 'empty':
        path.touch()
    before = list(tmp_path.iterdir())
    arguments = {
        'info': (path,),
        'verify': (path,),
        'diff': (case.one, path),
        'overlap': (case.one, path, '--out', tmp_path / 'x.png'),
        'quantize': (path, '--half', '--out', tmp_path / 'x.safetensors'),
        'merge': (case.config, path, '--out', tmp_path / 'x.pth'),
    }

    assert str(path) in fail(command, *arguments[command])

    assert list(tmp_path.iterdir()) == before


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, proof):
        self.proof = str(proof)

    def __reduce__(self):
        return (Path.touch, (Path(self.proof),))


@pytest.mark.parametrize('command', ['extract', 'apply', 'verify', 'merge'])
@pytest.mark.parametrize('form', ['torch', 'pickle'])
def test_no_checkpoint_runs_code(fail, case, tmp_path, command, form):
    bad, proof = tmp_path / 'bad.pth', tmp_path / 'proof'
    content = {'state_dict': case.base, 'meta': Payload(proof)}
    if form == 'torch':
        torch.save(content, bad)
    else:
        bad.write_bytes(pickle.dumps(content, protocol=2))
    config = tmp_path / 'config.py'
    config.write_text(case.config.read_text() + f"load_from = '{bad}'\n")
    out = tmp_path / 'x.safetensors'
    arguments = {
        'extract': (case.folder / 'base.pth', bad, '--out', out),
        'apply': (bad, case.one, '--out', out),
        'verify': (case.one, '--base', bad),
        'merge': (config, case.one, '--out', out),
    }

    fail(command, *arguments[command])

    assert not proof.exists()
    assert not out.exists()


def test_a_config_that_is_not_there(fail, tmp_path, case):
    for command in (
        ('verify', case.one, '--config', tmp_path / 'no.py'),
        ('merge', tmp_path / 'no.py', case.one, '--out', tmp_path / 'x.pth'),
    ):
        assert 'no.py' in fail(*command)
