"""delta.py verify: is the file whole, and does it fit."""

import torch
from demo_tasks import encoder_alone
from safetensors.torch import save_file

from gps_seg.delta import Delta


def test_verify_names_what_fits(succeed, case):
    delta = Delta.load(case.one)
    num_old = len(delta.changes) - len(delta.new)

    alone = succeed('verify', case.one)
    by_file = succeed('verify', case.one, '--base', case.folder / 'base.pth')
    by_config = succeed('verify', case.one, '--config', case.config)

    assert 'intact' in alone and 'not compared' in alone
    for told, rule in ((by_file, 'not compared'), (by_config, 'shapes fit')):
        assert f'{num_old} tensors that it changes match (' in told
        assert f'{len(delta.new)} tensors are new ({rule})' in told


def test_verify_takes_an_encoder_alone(succeed, case, tmp_path):
    encoder = encoder_alone(case.base)
    save_file(encoder, tmp_path / 'encoder.safetensors')

    told = succeed(
        'verify', case.one, '--base', tmp_path / 'encoder.safetensors',
        '--prefix', 'backbone.',
    )  # fmt: skip

    assert 'base: fits the delta' in told


def test_verify_refuses_another_base(fail, case, tmp_path):
    other = dict(case.base)
    name = next(iter(Delta.load(case.one).selection))
    other[name] = other[name] + 1
    torch.save(other, tmp_path / 'other.pth')

    error = fail('verify', case.one, '--base', tmp_path / 'other.pth')

    assert 'got others in 1 of' in error and name in error


def test_verify_refuses_a_config_of_another_model(fail, case, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        case.config.read_text()
        + 'model = dict(decode_head=dict(num_classes=3, out_channels=3))\n'
    )
    error = fail('verify', case.one, '--config', config)
    assert 'num_classes=2' in error

    config.write_text("_base_ = []\nmodel = dict(type='NoSuchThing')\n")
    error = fail('verify', case.one, '--config', config)
    assert 'NoSuchThing' in error and str(config) in error

    config.write_text('x = 1\n')
    assert 'expected a model, got none' in fail(
        'verify', case.one, '--config', config
    )

    config.write_text('x = (\n')
    assert 'SyntaxError' in fail('verify', case.one, '--config', config)


def test_verify_refuses_a_damaged_file(fail, case, tmp_path):
    path = tmp_path / 'damaged.safetensors'
    content = bytearray(case.one.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert 'damaged' in fail('verify', path)


def test_a_base_that_differs_elsewhere_is_refused(fail, case, tmp_path):
    """Where the delta changes nothing: in a norm of the encoder."""
    delta = Delta.load(case.one)
    name = next(n for n in case.base if n in delta.fingerprint and 'ln' in n)
    assert name not in delta.changes
    other = {**case.base, name: case.base[name] + 1}
    torch.save(other, tmp_path / 'other.pth')
    base, out = tmp_path / 'other.pth', tmp_path / 'merged.pth'

    for error in (
        fail('verify', case.one, '--base', base),
        fail('apply', base, case.one, '--out', out),
    ):
        assert 'got others in 1 of' in error and name in error
    assert not out.exists()
