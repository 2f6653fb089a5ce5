# Copyright (c) gps_seg contributors. Apache-2.0.
"""The check of the OpenMMLab packages and the repairs around them."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from gps_seg import stack


@pytest.fixture
def installed(monkeypatch):
    """Pretend that exactly the distributions given are installed."""

    def pretend(*names):
        def distribution(name):
            if name not in names:
                raise importlib.metadata.PackageNotFoundError(name)
            return object()

        monkeypatch.setattr(importlib.metadata, 'distribution', distribution)

    return pretend


@pytest.fixture
def watchers(monkeypatch):
    """Let a test install its own import hooks, and remove them after it."""
    monkeypatch.setattr(sys, 'meta_path', sys.meta_path.copy())


def test_one_family_is_accepted(installed, watchers):
    for names in (stack.ONEDL_DISTS, stack.OPENMMLAB_DISTS):
        installed(*names)
        stack.require_openmmlab.__wrapped__()


@pytest.mark.parametrize('missing', stack.IMPORT_NAMES)
def test_a_missing_package_is_named(monkeypatch, missing):
    def find_spec(name):
        return None if name == missing else object()

    monkeypatch.setattr(importlib.util, 'find_spec', find_spec)
    with pytest.raises(ImportError) as caught:
        stack.require_openmmlab.__wrapped__()
    assert f'got no {missing}. ' in str(caught.value)
    assert "pip install 'gps-seg[onedl]'" in str(caught.value)
    assert "pip install 'gps-seg[openmmlab]'" in str(caught.value)


@pytest.mark.parametrize('upstream', stack.OPENMMLAB_DISTS)
@pytest.mark.parametrize('onedl', stack.ONEDL_DISTS)
def test_two_families_are_refused(installed, onedl, upstream):
    installed(onedl, upstream)
    with pytest.raises(ImportError) as caught:
        stack.require_openmmlab.__wrapped__()
    assert f'got {onedl} together with {upstream}' in str(caught.value)
    assert f'pip uninstall -y {onedl} {upstream},' in str(caught.value)


def test_the_second_call_does_nothing(monkeypatch):
    stack.require_openmmlab()
    monkeypatch.setattr(stack, 'IMPORT_NAMES', ('not_there',))
    stack.require_openmmlab()


def test_a_failed_check_is_made_again(monkeypatch):
    stack.require_openmmlab.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(stack, 'IMPORT_NAMES', ('not_there',))
        with pytest.raises(ImportError, match='got no not_there'):
            stack.require_openmmlab()
        with pytest.raises(ImportError, match='got no not_there'):
            stack.require_openmmlab()
    stack.require_openmmlab()


def test_importing_the_module_needs_the_standard_library_only():
    run_python(
        'import gps_seg.stack, sys\n'
        "assert not {'torch', 'numpy', 'mmengine'} & set(sys.modules)"
    )


def test_mmpretrain_imports_and_torchvision_is_not_imported_early():
    """In a process of its own, as torchvision can be imported only once."""
    run_python(
        'from gps_seg.stack import require_openmmlab\n'
        'import sys\n'
        'require_openmmlab()\n'
        "assert 'torchvision' not in sys.modules\n"
        'import mmpretrain.models\n'
        "assert 'torchvision' in sys.modules"
    )


@pytest.mark.skipif(
    torch.version.cuda is not None or not stack._is_cuda_torchvision(),
    reason='needs the CUDA wheel of torchvision beside a CPU build of torch',
)
def test_without_the_repair_torchvision_does_not_import():
    """The day this fails, the repair has become superfluous."""
    code = (
        'try:\n'
        '    import torchvision\n'
        'except RuntimeError as error:\n'
        "    assert 'torchvision::nms' in str(error)\n"
        'else:\n'
        "    raise SystemExit('it imports')"
    )
    run_python(code)


def test_an_import_prints_and_warns_of_nothing():
    code = 'import gps_seg.datasets, gps_seg.models, gps_seg.engine'
    assert run_python(code) == ''


def test_only_the_known_line_and_the_known_warning_are_dropped():
    """Another line is printed, and another warning shown, all the same."""
    code = (
        'import gps_seg.stack as stack, sys, types, warnings\n'
        'stack.require_openmmlab()\n'
        'def noisy(module):\n'
        "    print('Could not import OneDL')\n"
        "    print('Could not import Horse')\n"
        "    warnings.warn('Fail to import ``Horse``')\n"
        "stack._without_noise(noisy)(types.ModuleType('m'))\n"
        "assert 'mmseg' not in sys.modules\n"
    )

    said = run_python(code)

    assert 'Could not import Horse' in said
    assert 'Fail to import ``Horse``' in said
    assert 'OneDL' not in said


@pytest.mark.parametrize(
    ('cuda_wheel', 'cuda_torch', 'declared'),
    [
        (True, False, True),
        (True, True, False),
        (False, False, False),
        (False, True, False),
    ],
)
def test_operators_are_declared_for_the_unequal_pair_only(
    monkeypatch, watchers, cuda_wheel, cuda_torch, declared
):
    calls = []
    monkeypatch.setattr(stack, '_is_cuda_torchvision', lambda: cuda_wheel)
    monkeypatch.setattr(stack, '_torch_has_cuda', lambda: cuda_torch)
    monkeypatch.setattr(
        stack, '_declare_torchvision_operators', lambda: calls.append(1)
    )
    watcher = stack._TorchvisionWatcher()
    sys.meta_path.insert(0, watcher)

    assert watcher.find_spec('torch', None) is None
    assert watcher in sys.meta_path
    assert watcher.find_spec('torchvision', None) is None
    assert watcher not in sys.meta_path
    assert len(calls) == declared


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ("__version__ = '0.28.0+cu130'\ngit_version = 'a'\n", True),
        ("__version__ = '0.28.0+cpu'\ngit_version = 'a'\n", False),
        ("__version__ = '0.28.0'\n", False),
        (None, False),
    ],
)
def test_the_build_of_torchvision_is_read_from_its_file(
    monkeypatch, tmp_path, text, expected
):
    package = tmp_path / 'torchvision'
    package.mkdir()
    (package / '__init__.py').touch()
    if text is not None:
        (package / 'version.py').write_text(text, encoding='utf-8')
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    assert stack._is_cuda_torchvision() is expected


def test_no_torchvision_is_no_cuda_torchvision(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    assert not stack._is_cuda_torchvision()


def test_float32_metrics_load_without_pickle(tmp_path):
    """As MMEngine loads a Runner checkpoint, whose message hub holds them."""
    from mmengine.runner.checkpoint import get_torch_safe_globals

    stack.require_openmmlab()
    hub = {'mDice': np.float32(0.5), 'history': np.ones(2, np.float32)}
    torch.save(hub, tmp_path / 'hub.pth')
    with torch.serialization.safe_globals(get_torch_safe_globals()):
        loaded = torch.load(tmp_path / 'hub.pth', weights_only=True)
    assert loaded['mDice'] == np.float32(0.5)


def run_python(code):
    """Run it in a process of its own; gives what that says."""
    result = subprocess.run(
        [sys.executable, '-c', code],
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def test_albumentations_does_not_ask_the_network(monkeypatch):
    monkeypatch.delenv('NO_ALBUMENTATIONS_UPDATE', raising=False)
    stack.require_openmmlab.cache_clear()
    stack.require_openmmlab()
    assert os.environ['NO_ALBUMENTATIONS_UPDATE'] == '1'
