"""The config of a shared task may name an encoder of timm, and no file."""

from pathlib import Path

import pytest
from mmengine import Config
from timm_models import needs_timm

from gps_seg.engine.config.text import config_from_text
from gps_seg.engine.testing.task_model import build_base
from gps_seg.runs.sharing.published_config import published

LEAF = 'configs/kvasir/gps_timm_dinov3_vit-s16.py'


@pytest.fixture
def text():
    repo = Path(__file__).resolve().parents[3]
    return Config.fromfile(repo / LEAF).pretty_text


def test_it_is_read_as_data_with_the_name_of_its_weights(text):
    kept = config_from_text(published(text)).model.backbone
    assert kept == config_from_text(text).model.backbone
    assert kept.type == 'TimmFeatures'
    assert kept.init_cfg.checkpoint == (
        'timm://vit_small_patch16_dinov3.lvd1689m'
    )


@pytest.mark.parametrize('name', ['../secret', '/etc/passwd', 'a://b', ''])
def test_weights_that_are_no_name_are_refused(text, name):
    changed = text.replace('vit_small_patch16_dinov3.lvd1689m', name)
    assert changed != text
    with pytest.raises(ValueError, match='checkpoint'):
        config_from_text(changed)


@pytest.mark.optional
@pytest.mark.parametrize(
    'setting', ["checkpoint_path='a.pth'", 'pretrained=True']
)
def test_no_setting_reads_a_file_or_downloads(text, setting):
    needs_timm()
    model = "model_name='vit_small_patch16_dinov3'"
    changed = text.replace(model, f'{model}, {setting}')
    assert changed != text
    with pytest.raises(ValueError, match=r'checkpoint_path|pretrained'):
        build_base(config_from_text(changed))
