"""The official files of all three sizes fit the configs, name by name.

No values: on PyTorch's meta device tensors have shapes alone.
"""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from small_sam import needs_transformers, official_shapes

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.registry import MODELS  # noqa: E402

from gps_seg.models.sam.names import sam_architecture, sam_to_mmseg  # noqa: E402

pytestmark = pytest.mark.optional

CONFIGS = {
    'vit_b': 'gps_sam_kvasir',
    'vit_l': 'sam_kvasir/gps_vit-l',
    'vit_h': 'sam_kvasir/gps_vit-h',
}


@pytest.mark.parametrize('size', CONFIGS)
def test_names_and_shapes_are_those_of_the_official_model(repo_dir, size):
    needs_transformers()
    init_default_scope('mmseg')
    config = Config.fromfile(repo_dir / f'configs/{CONFIGS[size]}.py').model
    config.data_preprocessor = None
    config.backbone.pop('init_cfg')
    config.decode_head.pop('init_cfg')
    with torch.device('meta'):
        ours = MODELS.build(config).state_dict()
    converted, _ = sam_to_mmseg(official_shapes(size))
    assert {n: t.shape for n, t in converted.items()} == {
        n: t.shape for n, t in ours.items()
    }
    assert sam_architecture(converted)['img_size'] == 1024
