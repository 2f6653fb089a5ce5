"""delta.py merge and apply: base and delta become a checkpoint."""

from dataclasses import replace

import torch
from demo_tasks import INFO, assert_same_bits, encoder_alone, without_head
from mmseg.apis import inference_model, init_model
from safetensors.torch import load_file, save_file

from gps_seg.datasets import PolypDataset
from gps_seg.delta import Delta, DeltaInfo
from gps_seg.runs import launch
from gps_seg.runs.deltas.base import base_model


def test_merge_writes_what_mmsegmentation_reads(succeed, case, tmp_path):
    out = tmp_path / 'merged.pth'

    succeed('merge', case.config, case.one, '--out', out)

    content = torch.load(out, weights_only=True)
    assert_same_bits(content['state_dict'], case.tuned['one'])
    assert content['meta']['dataset_meta'] == {
        'classes': INFO.classes,
        'palette': [[0, 0, 0], [255, 0, 0]],
    }
    model = init_model(str(case.config), str(out), device='cpu')
    assert model.dataset_meta['classes'] == INFO.classes
    assert_same_bits(model.state_dict(), case.tuned['one'])
    found = inference_model(model, str(case.folder / 'images/image0.jpg'))
    assert found.pred_sem_seg.data.shape == (1, 112, 112)


def test_merge_and_apply_agree(succeed, case, tmp_path):
    merged, applied = tmp_path / 'm.safetensors', tmp_path / 'a.pth'

    succeed('merge', case.config, case.one, '--out', merged)
    succeed('apply', case.folder / 'base.pth', case.one, '--out', applied)

    assert_same_bits(load_file(merged), case.tuned['one'])
    content = torch.load(applied, weights_only=True)
    assert_same_bits(content['state_dict'], case.tuned['one'])
    assert INFO.config
    assert 'cfg' not in content['meta']  # OpenMMLab would run it


def test_classes_that_a_delta_does_not_know_are_those_of_the_config(
    succeed, case, tmp_path
):
    delta = Delta.load(case.one)
    replace(delta, info=DeltaInfo()).save(tmp_path / 'd.safetensors')
    out = tmp_path / 'merged.pth'

    succeed('merge', case.config, tmp_path / 'd.safetensors', '--out', out)

    meta = torch.load(out, weights_only=True)['meta']['dataset_meta']
    expected = {k: PolypDataset.METAINFO[k] for k in ('classes', 'palette')}
    assert meta == expected


def test_apply_to_an_encoder_alone(succeed, case, tmp_path):
    encoder = encoder_alone(case.base)
    save_file(encoder, tmp_path / 'encoder.safetensors')

    succeed(
        'apply', tmp_path / 'encoder.safetensors', case.one,
        '--prefix', 'backbone.', '--out', tmp_path / 'tuned.safetensors',
    )  # fmt: skip

    state = load_file(tmp_path / 'tuned.safetensors')
    assert_same_bits(state, case.tuned['one'])


def test_the_base_is_that_of_a_training(case, tmp_path):
    """`load_from` counts, and where there is none, `init_cfg` does."""
    config = launch.load_config(str(case.config))
    assert_same_bits(base_model(config).state_dict(), case.base)
    encoder = encoder_alone(case.base)
    path = tmp_path / 'init.safetensors'
    save_file(encoder, path)
    config.load_from = None
    config.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=str(path)
    )
    built = without_head(base_model(config).state_dict())
    assert_same_bits(built, without_head(case.base))
