"""Models that are ready to use: base, base and delta, whole checkpoint."""

import logging

import cv2
import numpy as np
import pytest
import torch
from mmseg.apis import inference_model
from safetensors.torch import load_file, save_file
from small_segmentor import (
    HEIGHT,
    SELECTED,
    WIDTH,
    info_of,
    make_delta,
    tuned_state,
)

from gps_seg.delta import revert
from gps_seg.engine.testing.task_model import (
    build_base,
    build_tuned,
    size_of,
)


def assert_equal(model, state):
    found = model.state_dict()
    assert found.keys() == state.keys()
    different = [n for n in state if not torch.equal(found[n], state[n])]
    assert different == []


def test_the_base_has_the_pretrained_weights(config, task):
    model = build_base(config)
    assert_equal(model.backbone, load_file(task / 'base.safetensors'))
    assert not model.training
    assert model.dataset_meta['classes'] == ('background', 'polyp')


def test_load_from_wins_over_what_was_pretrained(config, tmp_path):
    _, state = tuned_state(config)
    torch.save({'state_dict': state, 'meta': {}}, tmp_path / 'full.pth')
    config.load_from = str(tmp_path / 'full.pth')
    assert_equal(build_base(config), state)
    assert_equal(build_tuned(config, None), state)


def test_base_and_delta_are_the_tuned_model(config, delta_file, task):
    model = build_tuned(config, delta_file)
    assert_equal(model, tuned_state(config)[1])
    revert(model)
    assert_equal(model.backbone, load_file(task / 'base.safetensors'))


def test_a_delta_tells_its_own_classes(config, tmp_path):
    info = info_of(config, classes=('sky', 'sea'), palette=())
    make_delta(config, info).save(tmp_path / 'other.safetensors')
    model = build_tuned(config, tmp_path / 'other.safetensors')
    assert model.dataset_meta == {'classes': ('sky', 'sea'), 'palette': ()}


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_checkpoint_needs_no_pretrained_weights(config, tmp_path, suffix):
    _, state = tuned_state(config)
    path = tmp_path / f'whole{suffix}'
    if suffix == '.pth':
        torch.save({'state_dict': state, 'meta': {}}, path)
    else:
        save_file(state, path)
    config.model.backbone.init_cfg.checkpoint = 'gone.safetensors'
    assert_equal(build_tuned(config, path), state)


def test_a_checkpoint_that_is_not_whole_is_refused(config, tmp_path):
    _, state = tuned_state(config)
    del state[SELECTED]
    path = tmp_path / 'part.safetensors'
    save_file(state, path)
    with pytest.raises(ValueError, match=rf"missing are \['{SELECTED}'"):
        build_tuned(config, path)


def test_no_weights_at_all(config, tmp_path):
    with pytest.raises(ValueError, match='head: name the file'):
        build_tuned(config, None)
    with pytest.raises(FileNotFoundError, match='nowhere.safetensors'):
        build_tuned(config, tmp_path / 'nowhere.safetensors')


def test_a_checkpoint_tells_its_own_classes(config, tmp_path):
    told = {'classes': ('sky', 'sea'), 'palette': None}
    state = tuned_state(config)[1]
    content = {'state_dict': state, 'meta': {'dataset_meta': told}}
    torch.save(content, tmp_path / 'merged.pth')
    model = build_tuned(config, tmp_path / 'merged.pth')
    assert model.dataset_meta == {'classes': ('sky', 'sea'), 'palette': ()}


def test_images_can_be_given_at_once_and_the_config_stays(config, delta_file):
    before = config.pretty_text
    model = build_tuned(config, delta_file)
    image = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
    for _ in range(2):
        result = inference_model(model, image)
        assert result.pred_sem_seg.data.shape == (1, 32, 40)
    model.test_cfg.mode = 'slide'
    assert config.pretty_text == before


def test_other_classes_of_a_config_lose_the_colours(config):
    config.test_dataloader.dataset.metainfo = {'classes': ('a', 'b', 'c')}
    meta = build_base(config).dataset_meta
    assert meta == {'classes': ('a', 'b', 'c'), 'palette': ()}
    config.test_dataloader = None
    assert build_base(config).dataset_meta == {'classes': (), 'palette': ()}


def test_the_size_counts_buffers_too(config):
    # patch 16*3*64+16, tokens 16+7*16, two blocks, norm, head and its BN
    block = 2 * 2 * 16 + 48 * 17 + 16 * 17 + 32 * 17 + 16 * 33
    head = 8 * 16 + 4 * 8 + 1 + 2 * 9
    entries = 16 * 3 * 64 + 16 + 16 + 7 * 16 + 2 * block + 2 * 16 + head
    size = size_of(config)
    # The one integer, BatchNorm's counter, takes eight bytes.
    assert size == (
        len(build_base(config).state_dict()),
        entries,
        4 * entries + 4,
    )


def test_mmengine_does_not_list_every_tensor(config, capfd):
    build_base(config)
    out, err = capfd.readouterr()
    assert 'init_weights' not in out + err
    from mmengine.logging import MMLogger

    assert MMLogger.get_current_instance().level == logging.NOTSET


def test_an_image_file(config, delta_file, tmp_path):
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    path = str(tmp_path / 'image.png')
    cv2.imwrite(path, image)
    model = build_tuned(config, delta_file)
    from_file = inference_model(model, path).seg_logits.data
    from_array = inference_model(model, image).seg_logits.data
    assert torch.equal(from_file, from_array)


def test_left_over_tensors_are_refused(config, tmp_path):
    _, state = tuned_state(config)
    state['auxiliary_head.weight'] = torch.ones(2)
    save_file(state, tmp_path / 'more.safetensors')
    with pytest.raises(ValueError, match='1 left over .auxiliary_head'):
        build_tuned(config, tmp_path / 'more.safetensors')
