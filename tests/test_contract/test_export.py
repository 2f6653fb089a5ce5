"""Exported files compute what a tuned segmentor computes, merged or not."""

import importlib.util

import pytest
import torch
from cases import CASES, built
from mmengine.config import Config
from mmengine.registry import init_default_scope
from small_segmentor import write_config

from gps_seg.additions import is_added, merge
from gps_seg.engine.testing.task_model import build_base
from gps_seg.export import export_segmentor, interface_of
from gps_seg.peft import tune

HAS_ONNX = all(
    importlib.util.find_spec(name)
    for name in ('onnx', 'onnxruntime', 'onnxscript')
)
SUFFIXES = [
    pytest.param(
        '.onnx',
        marks=pytest.mark.skipif(
            not HAS_ONNX,
            reason="ONNX is not installed: pip install 'gps-seg[export]'",
        ),
    ),
    '.pt',
]


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return Config.fromfile(write_config(tmp_path_factory.mktemp('small')))


@pytest.mark.parametrize('suffix', SUFFIXES)
@pytest.mark.parametrize('method', ['lora', 'rein', 'binary'])
def test_a_tuned_segmentor_is_exported(config, method, suffix, tmp_path):
    init_default_scope('mmseg')
    segmentor = build_base(config).eval()
    plain = list(segmentor.state_dict())
    tune(segmentor, built(method), [], seed=0)
    with torch.no_grad():
        for name, parameter in segmentor.named_parameters():
            if is_added(name):
                parameter.normal_(std=0.3)
    interface = interface_of(segmentor, config)
    attached = export_segmentor(segmentor, interface, tmp_path / f'a{suffix}')
    assert attached.is_close and attached.scale > 0.01
    if CASES[method].merges is not True:
        return
    merge(segmentor)
    assert list(segmentor.state_dict()) == plain
    merged = export_segmentor(segmentor, interface, tmp_path / f'm{suffix}')
    assert merged.is_close
    assert merged.scale == pytest.approx(attached.scale, rel=1e-4)
