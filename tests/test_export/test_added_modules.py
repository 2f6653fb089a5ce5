"""Segmentors with added modules are folded, or exported as they are."""

import importlib.util

import pytest
import torch
from added_tasks import delta_by_adding, folded_by_hand

from gps_seg.additions import plan_of
from gps_seg.engine.testing.task_model import build_base
from gps_seg.export import export_segmentor, interface_of
from gps_seg.export.exporting import FORMATS, without_additions

HAS_ONNX = all(map(importlib.util.find_spec, FORMATS['.onnx'].packages))
SUFFIXES = ['.pt', *(['.onnx'] if HAS_ONNX else [])]


META = [{'img_shape': (16, 24)}]


def tuned_by(config, kind):
    return delta_by_adding(build_base(config, 0), kind)[1].eval()


def test_a_copy_is_folded_and_the_segmentor_stays(config):
    tuned = tuned_by(config, 'low_rank')
    plain = without_additions(tuned)
    assert len(plan_of(tuned)) == 2
    expected = folded_by_hand(tuned)
    assert plain.state_dict().keys() == expected.keys()
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], msg=name)


@pytest.mark.parametrize('suffix', SUFFIXES)
@pytest.mark.parametrize('kind', ['low_rank', 'bottleneck', 'prompts'])
def test_the_file_computes_what_the_tuned_model_does(
    config, tmp_path, kind, suffix
):
    tuned = tuned_by(config, kind)
    interface = interface_of(tuned, config)
    path = tmp_path / f'model{suffix}'
    assert export_segmentor(tuned, interface, path).is_close
    image = torch.randn(interface.shape(1))
    with torch.no_grad():
        expected = tuned.encode_decode(image, META)
        base = build_base(config, 0).encode_decode(image, META)
    found = FORMATS[suffix].load(path)(image)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert (found - base).abs().max() > 1e-2
    if suffix == '.pt':
        names = [n for n, _ in torch.jit.load(path).named_parameters()]
        assert any('added' in name for name in names) == (kind != 'low_rank')


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_prompts_are_given_to_every_image_of_a_batch(config, tmp_path, suffix):
    tuned = tuned_by(config, 'prompts')
    interface = interface_of(tuned, config, any_batch=True)
    assert export_segmentor(tuned, interface, tmp_path / f'm{suffix}').is_close
