"""The folder to give away, by the command as a user runs it."""

import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from PIL import Image
from run_tool import TOOLS, run_tool
from small_segmentor import info_of, make_delta, write_config


def share(*arguments):
    """Run the tool; SystemExit if its status is not 0."""
    try:
        run_tool('share.py', *arguments)
    except SystemExit as end:
        if end.code:
            raise


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MMEngine takes seconds with long paths
    return write_config(Path())


def refused(capsys, *arguments):
    """What the command says when it fails."""
    with pytest.raises(SystemExit) as end:
        share(*arguments)
    assert end.value.code == 1
    return capsys.readouterr().err


def save_delta(config, path, /, **facts):
    read = Config.fromfile(config)
    make_delta(read, info_of(read, **facts)).save(path)
    return path


def test_the_command_line_is_read_before_anything_is_imported():
    """Else --help takes seconds."""
    code = (
        'import runpy, sys\n'
        f'runpy.run_path({str(TOOLS / "share.py")!r})\n'
        'print(*sorted({"mmengine", "torch", "numpy"} & set(sys.modules)))'
    )
    command = [sys.executable, '-c', code]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True
    )
    assert result.stdout == '\n'


def test_the_example_in_the_help_is_one_command(capsys):
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(TOOLS / 'share.py'))['build_parser']().parse_args(
            ['--help']
        )
    assert end.value.code == 0
    text = capsys.readouterr().out
    example = text[text.index('python tools/share.py') :].split('\n\n')[0]
    program, tool, *arguments = shlex.split(example.replace('\\\n', ' '))
    assert (program, tool) == ('python', 'tools/share.py')
    assert max(map(len, example.splitlines())) < 80
    parser = runpy.run_path(str(TOOLS / 'share.py'))['build_parser']()
    args = parser.parse_args(arguments)
    assert args.base == 'timm/vit_small_patch14_dinov2.lvd142m'
    assert args.dataset == ['kvasir-seg']


def test_all_that_an_author_can_say(config, tmp_path, capsys):
    delta = save_delta(config, tmp_path / 'delta.safetensors')
    out = tmp_path / 'my polyps'
    share(
        *(delta, '--out', out, '--base', 'timm/vit', '--license', 'mit'),
        *('--dataset', 'kvasir/seg', 'our own', '--title', 'Small polyps'),
        *('--intended-use', 'Research.', '--limits', 'One hospital.'),
    )
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    wrote = [f'wrote {file}' for file in sorted(out.iterdir())]
    assert lines[: len(wrote)] == wrote and len(wrote) == 4
    assert f"\n  hf upload 'YOUR_NAME/my polyps' '{out}'\n" in printed
    page = (out / 'README.md').read_text()
    facts = yaml.safe_load(page.split('---\n')[1])
    assert facts['license'] == 'mit'
    assert facts['datasets'] == ['kvasir/seg']
    assert '\n# Small polyps\n' in page
    assert 'Research.\n\nOne hospital.' in page


def test_a_config_beside_the_delta(config, tmp_path, capsys):
    delta = save_delta(config, tmp_path / 'delta.safetensors', config='')
    out = tmp_path / 'out'
    arguments = (delta, '--out', out, '--base', 'words')
    assert 'Give --config' in refused(capsys, *arguments)
    share(*arguments, '--config', config)
    page = (out / 'README.md').read_text()
    assert '\n# gps k=1 for Polyp on VisionTransformer\n' in page


def test_the_base_is_named_as_in_the_delta(config, tmp_path):
    delta = save_delta(
        config,
        tmp_path / 'delta.safetensors',
        base={'name': 'timm/vit_tiny', 'licence': 'mit'},
    )
    share(delta, '--out', tmp_path / 'out')
    page = (tmp_path / 'out/README.md').read_text()
    facts = yaml.safe_load(page.split('---\n')[1])
    assert facts['base_model'] == 'timm/vit_tiny'
    share(delta, '--out', tmp_path / 'said', '--base', 'words')
    page = (tmp_path / 'said/README.md').read_text()
    assert 'timm/vit_tiny' not in page and 'words' in page


def test_a_base_without_a_name_must_be_told(config, tmp_path, capsys):
    delta = save_delta(config, tmp_path / 'delta.safetensors', base={})
    error = refused(capsys, delta, '--out', tmp_path / 'out')
    assert 'Give --base' in error and error.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_a_missing_delta_is_named_in_one_line(tmp_path, capsys):
    error = refused(
        capsys,
        *(tmp_path / 'nowhere.safetensors', '--out', tmp_path / 'out'),
        *('--base', 'x'),
    )
    assert 'nowhere.safetensors' in error and error.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_validation_images_are_shown_and_said_to_be(config, tmp_path, capsys):
    delta = save_delta(config, tmp_path / 'delta.safetensors')
    Image.effect_noise((8, 8), 50).save(tmp_path / 'overlays.png')
    share(delta, '--out', tmp_path / 'with', '--base', 'x')
    assert 'shows validation images' in capsys.readouterr().out
    share(delta, '--out', tmp_path / 'without', '--base', 'x', '--no-images')
    assert 'validation images' not in capsys.readouterr().out
    names = [
        {file.name for file in (tmp_path / folder).iterdir()}
        for folder in ('with', 'without')
    ]
    assert names[0] - names[1] == {'preview.png'}
