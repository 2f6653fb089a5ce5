"""Exported files compute what MMSegmentation computes, from their own words.

The reference is ``inference_model`` on an image as MMCV reads it. The file is
used as a stranger would: the image is prepared by NumPy from what the file
tells, and nothing of the package takes part.
"""

import importlib.util
import json
import warnings

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import inference_model
from torch import nn

from gps_seg.engine.testing.task_model import build_base
from gps_seg.export import (
    ImageToLogits,
    export_segmentor,
    exporting,
    interface_of,
    require_exportable,
)
from gps_seg.export.exporting import TOLERANCE, Agreement

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


@pytest.fixture(scope='module', params=SUFFIXES)
def suffix(request):
    return request.param


@pytest.fixture(scope='module')
def exported(segmentor, config, suffix, tmp_path_factory):
    """Function: file of the segmentor, with a fixed or any batch."""
    folder = tmp_path_factory.mktemp('exported')

    def export(any_batch):
        path = folder / f'{any_batch}{suffix}'
        if not path.exists():
            interface = interface_of(segmentor, config, any_batch=any_batch)
            agreement = export_segmentor(segmentor, interface, path)
            assert agreement.is_close
            assert agreement.scale > 0.1
        assert sorted(p.name for p in folder.glob('.*')) == []
        return path

    return export


def run(path, images):  # images: (N, H, W, 3), uint8, as MMCV reads them
    """Logits of a file, by what is in the file."""
    if path.suffix == '.onnx':
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path))
        told = session.get_modelmeta().custom_metadata_map['gps_seg']
        pixels = prepared(json.loads(told), images)
        return session.run(['logits'], {'image': pixels})[0]
    extra = {'gps_seg.json': ''}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        model = torch.jit.load(str(path), _extra_files=extra)
    pixels = prepared(json.loads(extra['gps_seg.json']), images)
    with torch.no_grad():
        return model(torch.from_numpy(pixels)).numpy()


def prepared(told, images):
    assert told['input']['channels'] == 'RGB'
    pixels = images[..., ::-1].astype(np.float32)
    pixels -= np.float32(told['input']['mean'])
    pixels /= np.float32(told['input']['std'])
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def draw(count):
    shape = (count, 16, 24, 3)
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def reference(segmentor, images):
    results = inference_model(segmentor, list(images))
    return np.stack([result.seg_logits.data.numpy() for result in results])


def assert_same_logits(logits, expected):
    atol = TOLERANCE * np.abs(expected).max()
    np.testing.assert_allclose(logits, expected, rtol=0, atol=atol)


def test_the_file_is_the_model(exported, segmentor):
    images = draw(1)
    logits = run(exported(False), images)
    expected = reference(segmentor, images)
    assert logits.shape == (1, 2, 16, 24)
    assert np.ptp(expected.argmax(1)) == 1  # both classes are there
    assert_same_logits(logits, expected)


def test_any_number_of_images(exported, segmentor):
    path, images = exported(True), draw(4)
    expected = reference(segmentor, images)
    for count in (1, 2, 4):
        logits = run(path, images[:count])
        assert_same_logits(logits, expected[:count])


@pytest.mark.parametrize('shape', [(2, 16, 24), (1, 24, 16), (1, 32, 24)])
def test_other_shapes_are_refused(exported, shape):
    images = np.zeros((*shape, 3), np.uint8)
    with pytest.raises(Exception, match=r'expected shape|Expected: '):
        run(exported(False), images)


def test_nothing_of_this_machine_is_in_an_onnx_file(exported, suffix):
    if suffix != '.onnx':
        pytest.skip('TorchScript has the lines of code for its errors')
    content = exported(False).read_bytes()
    assert b'site-packages' not in content
    assert b'.py' not in content


def test_one_window_of_a_sliding_test(config, segmentor):
    """What is exported of it is the window; a large image has several."""
    slide = Config(config.to_dict())
    slide.model.test_cfg = dict(
        mode='slide', crop_size=(16, 24), stride=(8, 12)
    )
    sliding = build_base(slide)
    sliding.load_state_dict(segmentor.state_dict())
    image = torch.randn(1, 3, 16, 24)
    model = ImageToLogits(sliding, interface_of(sliding, slide).size)
    meta = [dict(ori_shape=(16, 24), img_shape=(16, 24))]
    with torch.no_grad():
        expected = sliding.inference(image, meta)
        torch.testing.assert_close(model(image), expected)


def test_only_a_segmentor_at_rest_is_exported(config):
    segmentor = build_base(config)
    segmentor.train()
    with pytest.raises(ValueError, match='got training mode'):
        ImageToLogits(segmentor, (16, 24))
    with pytest.raises(TypeError, match='got Linear'):
        ImageToLogits(nn.Linear(2, 2), (16, 24))


@pytest.mark.parametrize('wrong', ['values', 'shape', 'nan'])
def test_a_file_that_computes_something_else_is_removed(
    segmentor, config, tmp_path, monkeypatch, wrong
):
    changes = {
        'values': lambda logits: logits + 1e-3 * logits.abs().max(),
        'shape': lambda logits: logits[:, :, 1:],
        'nan': lambda logits: logits * float('nan'),
    }
    honest = exporting.FORMATS['.pt']

    def load(path):
        model = honest.load(path)
        return lambda image: changes[wrong](model(image))

    monkeypatch.setitem(exporting.FORMATS, '.pt', honest._replace(load=load))
    interface = interface_of(segmentor, config)
    with pytest.raises(RuntimeError, match='expected logits'):
        export_segmentor(segmentor, interface, tmp_path / 'model.pt')
    assert list(tmp_path.iterdir()) == []


def test_the_tolerance_goes_with_the_logits():
    assert Agreement(difference=0.9e-3, scale=10.0).is_close
    assert not Agreement(difference=1.1e-3, scale=10.0).is_close
    assert Agreement(difference=0.0, scale=0.0).is_close
    assert not Agreement(difference=float('nan'), scale=1.0).is_close


def test_a_size_that_the_model_cannot_take(config, tmp_path, suffix):
    segmentor = build_base(config)
    segmentor.decode_head.dropout = nn.Flatten(2)  # convolutions refuse it
    interface = interface_of(segmentor, config, [32, 40])
    with pytest.raises(ValueError, match=r'size: .* got \(32, 40\): Given'):
        export_segmentor(segmentor, interface, tmp_path / f'model{suffix}')
    assert list(tmp_path.iterdir()) == []


class Hidden(nn.Module):
    """A step in NumPy, which no exporter can see."""

    def forward(self, x):
        return torch.from_numpy(np.sort(x.detach().numpy(), axis=1))


def test_a_step_that_cannot_be_exported(config, tmp_path, suffix):
    segmentor = build_base(config)
    segmentor.decode_head.dropout = Hidden()
    error = {'.onnx': ValueError, '.pt': RuntimeError}[suffix]
    with pytest.raises(error, match='expected (operations|logits within)'):
        export_segmentor(
            segmentor,
            interface_of(segmentor, config),
            tmp_path / f'model{suffix}',
        )
    assert list(tmp_path.iterdir()) == []


class FewImages(nn.Module):
    """A step that depends on the number of images, as windows in Swin do."""

    def __init__(self, limit):
        super().__init__()
        self.limit = limit

    def forward(self, x):
        return x if int(x.shape[0]) < self.limit else 2 * x


@pytest.mark.parametrize('limit', [2, 3])
def test_a_batch_that_is_baked_in(config, tmp_path, limit):
    segmentor = build_base(config)
    segmentor.decode_head.dropout = FewImages(limit)
    interface = interface_of(segmentor, config, any_batch=True)
    with pytest.raises(RuntimeError, match='one image at a time only'):
        export_segmentor(segmentor, interface, tmp_path / 'model.pt')
    assert list(tmp_path.iterdir()) == []
    alone = interface_of(segmentor, config)
    export_segmentor(segmentor, alone, tmp_path / 'model.pt')


class Unrolled(nn.Module):
    """A step that holds the number of images as a constant."""

    def forward(self, x):
        zeros = torch.zeros(len(x), *x.shape[1:])
        return torch.cat([x, zeros], dim=1)[:, : x.shape[1]]


def test_a_file_that_runs_on_no_other_batch(config, tmp_path, suffix):
    segmentor = build_base(config)
    segmentor.decode_head.dropout = Unrolled()
    interface = interface_of(segmentor, config, any_batch=True)
    with pytest.raises(
        RuntimeError, match='batch of 1, .* at a time'
    ) as error:
        export_segmentor(segmentor, interface, tmp_path / f'model{suffix}')
    assert '\n' not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_model_too_large_for_onnx(segmentor, config, tmp_path, monkeypatch):
    if not HAS_ONNX:
        pytest.skip("ONNX is not installed: pip install 'gps-seg[export]'")
    monkeypatch.setattr('gps_seg.export.onnx_file.MAX_BYTES', 1000)
    interface = interface_of(segmentor, config)
    with pytest.raises(ValueError, match='at most 1,000 bytes'):
        export_segmentor(segmentor, interface, tmp_path / 'model.onnx')


def test_what_is_refused_before_there_is_a_model(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r'ends in \.onnx or \.pt'):
        require_exportable(tmp_path / 'model.pb')
    (tmp_path / 'there.pt').touch()
    with pytest.raises(FileExistsError, match='there.pt'):
        require_exportable(tmp_path / 'there.pt')
    with pytest.raises(FileNotFoundError, match='got .*nowhere'):
        require_exportable(tmp_path / 'nowhere/model.pt')
    monkeypatch.setattr(
        'importlib.util.find_spec',
        lambda name: None if name == 'onnxscript' else object(),
    )
    with pytest.raises(ImportError, match=r'missing onnxscript\. Run pip'):
        require_exportable(tmp_path / 'model.onnx')
